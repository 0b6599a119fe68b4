"""Read and remove the rules of ordertrail.evolve.v1 in descriptors."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto

from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import TypeDeclaration, TypeProto, is_message

MESSAGE_RULES, FIELD_RULES = "ordertrail.evolve.v1.message", "ordertrail.evolve.v1.field"
# These rules are about the public field. All others are about the predecessor.
PUBLIC_RULES = {"public", "not_public"}


def messages_in(proto: TypeProto) -> Iterator[DescriptorProto]:
    """Yield a message and all messages within it; nothing for an enum."""
    if is_message(proto):
        yield proto
        for nested in proto.nested_type:
            yield from messages_in(nested)


def predecessors_of(tree: Tree, message: TypeDeclaration) -> list[str]:
    """Return the full names of the messages that a message declares as its predecessors."""
    rules = rules_of(tree, message.proto.options, MESSAGE_RULES)
    return list(getattr(rules, "from"))


def remove_upcast_rules(tree: Tree, proto: TypeProto) -> None:
    """Remove all rules of a type and of the types within it, except those about public fields."""
    for message in messages_in(proto):
        _clear(tree, message, MESSAGE_RULES, set())
        for field in message.field:
            _clear(tree, field, FIELD_RULES, PUBLIC_RULES)


def _clear(tree: Tree, owner: Any, name: str, kept_rules: set[str]) -> None:
    if not owner.HasField("options"):
        return
    rules = rules_of(tree, owner.options, name)
    for part, _ in rules.ListFields():
        if part.name not in kept_rules:
            rules.ClearField(part.name)
    if not rules.ListFields():
        owner.options.ClearExtension(tree.extension(name))
    if not owner.options.ListFields():
        owner.ClearField("options")


def rules_of(tree: Tree, options: Any, name: str) -> Any:
    """Return the value of the option `name`, MESSAGE_RULES or FIELD_RULES, in an options message."""
    return options.Extensions[tree.extension(name)]
