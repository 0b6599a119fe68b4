"""The types to copy for a new version of an event: its message and all types of its family that it uses."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.event_versions import family_of, version_of
from ordertrail_server.authoring.rules import messages_in
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import TypeDeclaration, TypeProto, location_of


class EventCopy(NamedTuple):
    """The types that a new version of an event copies to a package, in source order.

    `reused` has the full names of types that the package has already; the copies use those.
    """

    event: TypeDeclaration
    package: str
    originals: list[TypeDeclaration]
    reused: list[str]

    def rename(self, text: str) -> str:
        """Return a text with the new package instead of any other version of it."""
        return re.sub(rf"(?<!\w){re.escape(family_of(self.package))}\.v\d+(?=\.)", self.package, text)


def plan_copy(tree: Tree, event: TypeDeclaration, package: str) -> EventCopy:
    """Return what to copy for a new version of an event in a package. Raises AuthoringError."""
    used = _used_types(tree, event, package)
    originals = [declaration for declaration in used if _copy_name(declaration, package) not in tree.types]
    _refuse_duplicates([_copy_name(declaration, package) for declaration in originals])
    _refuse_extensions(originals)
    reused = {name for declaration in used if (name := _copy_name(declaration, package)) in tree.types}
    return EventCopy(event, package, originals, sorted(reused))


def fields_in(proto: TypeProto) -> Iterator[FieldDescriptorProto]:
    """Yield the fields of a type and of all types within it."""
    return (field for message in messages_in(proto) for field in message.field)


def _used_types(tree: Tree, event: TypeDeclaration, package: str) -> list[TypeDeclaration]:
    used, queue = dict[str, TypeDeclaration](), [event]
    while queue:
        declaration = queue.pop()
        if declaration.name in used:
            continue
        used[declaration.name] = declaration
        if _copy_name(declaration, package) not in tree.types:
            outer = (tree.outermost(field.type_name[1:]) for field in fields_in(declaration.proto) if field.type_name)
            queue += [declaration for declaration in outer if _is_of_family(declaration, event)]
    return sorted(used.values(), key=_source_order)


def _copy_name(declaration: TypeDeclaration, package: str) -> str:
    return f"{package}.{declaration.proto.name}"


def _is_of_family(declaration: TypeDeclaration, event: TypeDeclaration) -> bool:
    package = declaration.file.package
    return version_of(package) > 0 and family_of(package) == family_of(event.file.package)


def _source_order(declaration: TypeDeclaration) -> tuple[str, list[int]]:
    return declaration.file.name, list(location_of(declaration.file, declaration.path).span)


def _refuse_duplicates(names: list[str]) -> None:
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise AuthoringError(
            f"The event uses two versions of one type, and only one can become {', '.join(duplicates)}."
        )


def _refuse_extensions(originals: list[TypeDeclaration]) -> None:
    for original in originals:
        if any(message.extension for message in messages_in(original.proto)):
            raise AuthoringError(f"{original.name} declares an extension, which can exist only once: copy it by hand.")
