"""What a new version of an event consists of: the message and all the types of its family that it uses."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.declared import Declared, TypeProto, is_message
from ordertrail_server.authoring.event_versions import family_of, version_of
from ordertrail_server.authoring.refused import AuthoringRefused
from ordertrail_server.authoring.rules import drop_rules, messages_in, say_from
from ordertrail_server.authoring.tree import Tree


class Copying(NamedTuple):
    """The copies that a package gets, by full name, with the type each was made of, in the order of declaration.

    `kept` are the full names of types that stand there already and are used as they are.
    """

    copies: dict[str, tuple[Declared, TypeProto]]
    kept: list[str]

    @property
    def names(self) -> set[str]:
        """The full names of the copies and of all that they declare."""
        return {name for full_name, (_, proto) in self.copies.items() for name in _names(full_name, proto)}


def copy_event(tree: Tree, event: Declared, package: str) -> Copying:
    """Return the copies that make a new version of an event in a package. Raises AuthoringRefused."""
    used = _used(tree, event, package)
    targets = {one.name: f"{package}.{one.proto.name}" for one in used}
    new = [one for one in used if targets[one.name] not in tree.types]
    _refuse_twins([targets[one.name] for one in new])
    copies = {targets[one.name]: (one, _copy(tree, one, targets)) for one in new}
    _, made = copies[targets[event.name]]
    say_from(tree, next(messages_in(made)), event.name)
    return Copying(copies, sorted(set(targets.values()) & tree.types.keys()))


def fields_in(proto: TypeProto) -> Iterator[FieldDescriptorProto]:
    """Yield the fields of a type and of all that it declares."""
    return (field for message in messages_in(proto) for field in message.field)


def _used(tree: Tree, event: Declared, package: str) -> list[Declared]:
    found, waiting = dict[str, Declared](), [event]
    while waiting:
        one = waiting.pop()
        if one.name in found:
            continue
        found[one.name] = one
        if f"{package}.{one.proto.name}" not in tree.types:
            outer = (tree.outermost(field.type_name[1:]) for field in fields_in(one.proto) if field.type_name)
            waiting += [each for each in outer if _of_family(each, event)]
    return sorted(found.values(), key=_place)


def _of_family(one: Declared, event: Declared) -> bool:
    package = one.file.package
    return version_of(package) > 0 and family_of(package) == family_of(event.file.package)


def _place(one: Declared) -> tuple[str, list[int]]:
    # The compiler's first location of a type is its declaration, so types keep the order in which one reads them.
    spans = (list(each.span) for each in one.file.source_code_info.location if tuple(each.path) == one.path)
    return one.file.name, next(spans, [])


def _copy(tree: Tree, one: Declared, targets: Mapping[str, str]) -> TypeProto:
    made = type(one.proto).FromString(one.proto.SerializeToString())
    drop_rules(tree, made)
    for field in fields_in(made):
        if field.type_name:
            outer = tree.outermost(field.type_name[1:]).name
            if target := targets.get(outer):
                field.type_name = f".{target}{field.type_name[1 + len(outer) :]}"
    return made


def _names(full_name: str, proto: TypeProto) -> Iterator[str]:
    yield full_name
    if is_message(proto):
        yield from (f"{full_name}.{enum.name}" for enum in proto.enum_type)
        for nested in proto.nested_type:
            yield from _names(f"{full_name}.{nested.name}", nested)


def _refuse_twins(names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise AuthoringRefused(f"Two versions of one type are used, and only one can become {', '.join(twins)}.")
