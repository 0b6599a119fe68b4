"""Copy an event for a new version: its message and all types of its family that it uses."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.event_versions import family_of, version_of
from ordertrail_server.authoring.rules import add_predecessor, messages_in, remove_upcast_rules
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import TypeDeclaration, TypeProto, is_message


class EventCopy(NamedTuple):
    """The copies for a package: {full name: (original, copy)}, in the order of declaration.

    `reused` has the full names of types that the package has already; the copies use those.
    """

    copies: dict[str, tuple[TypeDeclaration, TypeProto]]
    reused: list[str]

    @property
    def names(self) -> set[str]:
        """The full names of the copies and of all types within them."""
        return {name for full_name, (_, proto) in self.copies.items() for name in _names(full_name, proto)}


def copy_event(tree: Tree, event: TypeDeclaration, package: str) -> EventCopy:
    """Return the copies that make a new version of an event in a package. Raises AuthoringError."""
    used = _types_to_copy(tree, event, package)
    targets = {declaration.name: f"{package}.{declaration.proto.name}" for declaration in used}
    new = [declaration for declaration in used if targets[declaration.name] not in tree.types]
    _refuse_duplicates([targets[declaration.name] for declaration in new])
    copies = {targets[declaration.name]: (declaration, _copy(tree, declaration, targets)) for declaration in new}
    _, copy = copies[targets[event.name]]
    add_predecessor(tree, next(messages_in(copy)), event.name)
    return EventCopy(copies, sorted(set(targets.values()) & tree.types.keys()))


def fields_in(proto: TypeProto) -> Iterator[FieldDescriptorProto]:
    """Yield the fields of a type and of all types within it."""
    return (field for message in messages_in(proto) for field in message.field)


def _types_to_copy(tree: Tree, event: TypeDeclaration, package: str) -> list[TypeDeclaration]:
    used, queue = dict[str, TypeDeclaration](), [event]
    while queue:
        declaration = queue.pop()
        if declaration.name in used:
            continue
        used[declaration.name] = declaration
        if f"{package}.{declaration.proto.name}" not in tree.types:
            outer = (tree.outermost(field.type_name[1:]) for field in fields_in(declaration.proto) if field.type_name)
            queue += [declaration for declaration in outer if _is_of_family(declaration, event)]
    return sorted(used.values(), key=_source_order)


def _is_of_family(declaration: TypeDeclaration, event: TypeDeclaration) -> bool:
    package = declaration.file.package
    return version_of(package) > 0 and family_of(package) == family_of(event.file.package)


def _source_order(declaration: TypeDeclaration) -> tuple[str, list[int]]:
    # The first location of a type is its declaration, so types keep their order in the file.
    spans = (
        list(location.span)
        for location in declaration.file.source_code_info.location
        if tuple(location.path) == declaration.path
    )
    return declaration.file.name, next(spans, [])


def _copy(tree: Tree, declaration: TypeDeclaration, targets: Mapping[str, str]) -> TypeProto:
    copy = type(declaration.proto).FromString(declaration.proto.SerializeToString())
    remove_upcast_rules(tree, copy)
    for field in fields_in(copy):
        if field.type_name:
            outer = tree.outermost(field.type_name[1:]).name
            if target := targets.get(outer):
                field.type_name = f".{target}{field.type_name[1 + len(outer) :]}"
    return copy


def _names(full_name: str, proto: TypeProto) -> Iterator[str]:
    yield full_name
    if is_message(proto):
        yield from (f"{full_name}.{enum.name}" for enum in proto.enum_type)
        for nested in proto.nested_type:
            yield from _names(f"{full_name}.{nested.name}", nested)


def _refuse_duplicates(names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise AuthoringError(f"Two versions of one type are used, and only one can become {', '.join(twins)}.")
