"""New fields of commands that would change the digest of a request that is retried across an upgrade.

The digest covers the serialized request. A release serializes the fields that it knows in the order of their numbers,
then the unknown fields as they were received. So two releases, of which only one knows a field, serialize the same
bytes only if the field has the highest number of its message. The entries of a map have no defined order.
"""

from collections.abc import Iterator
from typing import Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import is_message

IMAGE_NAME: Final = "released.binpb"
"""The image of the last release, beside the protos."""
COMMAND: Final = "ordertrail.v1.Command"
_PURPOSE: Final = "so that a retry has the same digest before and after an upgrade"


def unstable_fields(tree: Tree, released: Tree) -> Iterator[str]:
    """Yield each new field of a command, or of a message within, that would change digests, and the remedy."""
    for name in _messages_within(tree, COMMAND):
        # The digest does not cover Command itself.
        if name != COMMAND:
            yield from _gaps(tree, name, released)


def _messages_within(tree: Tree, name: str) -> list[str]:
    """Return the names of a message and of all messages that it can hold."""
    names, queue = dict[str, None](), [name]
    while queue:
        message_name = queue.pop()
        if message_name not in names and (fields := _fields(tree, message_name)):
            names[message_name] = None
            queue += [field.type_name[1:] for field in fields if field.type_name]
    return list(names)


def _gaps(tree: Tree, name: str, released: Tree) -> Iterator[str]:
    released_numbers = {field.number for field in _fields(released, name)}
    highest = max(released_numbers, default=0)
    for field in _fields(tree, name):
        if field.number not in released_numbers and field.number < highest:
            problem = f"{name}.{field.name} has the number {field.number}, below {highest}, which is released"
            yield f"{problem}: give it one above {highest}, {_PURPOSE}"
        if field.number not in released_numbers and _is_map(tree, field.type_name[1:]):
            yield f"{name}.{field.name} is a map, whose entries have no order: make it a list of messages, {_PURPOSE}"


def _fields(tree: Tree, name: str) -> list[FieldDescriptorProto]:
    """Return the fields of a message; empty if the name is not a message's."""
    declaration = tree.types.get(name)
    return list(declaration.proto.field) if declaration and is_message(declaration.proto) else []


def _is_map(tree: Tree, name: str) -> bool:
    declaration = tree.types.get(name)
    return declaration is not None and is_message(declaration.proto) and declaration.proto.options.map_entry
