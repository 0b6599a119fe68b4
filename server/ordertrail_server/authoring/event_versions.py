"""The versions of each event in a tree: the cases of `Record`, and the newest one."""

import re
from typing import NamedTuple

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.rules import predecessors_of
from ordertrail_server.authoring.tree import Tree
from ordertrail_server.authoring.type_declaration import FIELDS, SourcePath, TypeDeclaration

RECORD, HISTORY_EVENT = "ordertrail.log.v1.Record", "ordertrail.v1.HistoryEvent"
VERSIONED = re.compile(r"(?P<family>.+)\.v(?P<version>[1-9]\d*)")


class Case(NamedTuple):
    """One version of an event: its message, its field of `Record`, and that field's source path."""

    message: TypeDeclaration
    record: TypeDeclaration
    field: FieldDescriptorProto
    path: SourcePath

    @property
    def version(self) -> int:
        """The version of the message's package; 0 if that names none."""
        return version_of(self.message.file.package)


def version_of(package: str) -> int:
    """Return the version that a package names in its last part; 0 if it names none."""
    match = VERSIONED.fullmatch(package)
    return int(match["version"]) if match else 0


def family_of(package: str) -> str:
    """Return a package without its version."""
    match = VERSIONED.fullmatch(package)
    return match["family"] if match else package


def cases(tree: Tree) -> list[Case]:
    """Return every version of every event of a tree. Raises AuthoringError if it has no `Record`."""
    events, record = _events(tree, RECORD), tree.types[RECORD]
    return [
        Case(tree.types[field.type_name[1:]], record, field, (*record.path, FIELDS, index)) for index, field in events
    ]


def newest_version(tree: Tree, event: str) -> Case:
    """Return the newest version of an event: the one without a successor.

    Raises AuthoringError if there is no event of this name, or if its successor has another name.
    """
    all_cases = cases(tree)
    versions = [case for case in all_cases if case.message.proto.name == event]
    if not versions:
        names = ", ".join(sorted({case.message.proto.name for case in all_cases}))
        raise AuthoringError(f"There is no event {event}. There are {names}.")
    newest_case = max(versions, key=lambda case: case.version)
    for successor in (case.message for case in all_cases):
        if newest_case.message.name in predecessors_of(tree, successor):
            raise AuthoringError(
                f"{newest_case.message.name} has the successor {successor.name}: "
                f"create a new version of {successor.proto.name}."
            )
    return newest_case


def event_numbers(tree: Tree) -> set[int]:
    """Return the field numbers of all events, stored and public."""
    return {field.number for name in (RECORD, HISTORY_EVENT) for _, field in _events(tree, name)}


def unavailable_numbers(tree: Tree) -> list[range]:
    """Return the numbers that no new event can get: those in use and those reserved, stored or public."""
    protos = [tree.message(name) for name in (RECORD, HISTORY_EVENT)]
    used = [range(field.number, field.number + 1) for proto in protos for field in proto.field]
    return used + [range(reserved.start, reserved.end) for proto in protos for reserved in proto.reserved_range]


def _events(tree: Tree, name: str) -> list[tuple[int, FieldDescriptorProto]]:
    message = tree.message(name)
    oneofs = [oneof.name for oneof in message.oneof_decl]
    return [
        (index, field)
        for index, field in enumerate(message.field)
        if field.HasField("oneof_index") and oneofs[field.oneof_index] == "event" and field.type_name
    ]
