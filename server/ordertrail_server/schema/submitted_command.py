"""Submitted commands as stored bytes: the messages of the log of commands."""

from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError

from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand as StoredCommand
from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.access.scope import EVERYTHING, Scope
from ordertrail_server.orders.times import moment, nanoseconds
from ordertrail_server.schema.wire import bytes_tag, chunk

VERBS: Final = {
    field.message_type.full_name: field.name
    for field in Command.DESCRIPTOR.oneofs_by_name["verb"].fields
    if field.message_type is not None
}
"""{message type of a verb: its field in `Command`}."""
_PREDECESSOR: Final = bytes_tag(StoredCommand.DESCRIPTOR.fields_by_name["predecessor_id"].number)
_COMMAND: Final = bytes_tag(StoredCommand.DESCRIPTOR.fields_by_name["command"].number)


class SubmittedCommand(NamedTuple):
    """A submitted command as this release reads it. Times are in nanoseconds since 1970-01-01 UTC."""

    command_id: str
    order_id: str
    request_id: str
    digest: bytes
    submit_time: int
    not_before: int | None
    actor: str
    traceparent: str
    expected_version: int | None
    command: Command
    """The verb, without request id and expected version. Without a verb if there is a fault."""

    fault: str
    """Why the command cannot be read: a clause without its full stop. Empty if it can be read."""

    predecessor_id: str = ""
    """The id of the command that must stand before it in the log; empty if there is none."""

    on_behalf_of: str = ""
    scope: Scope = EVERYTHING
    """The customers on whose orders the sender could run it when it was stored."""

    @property
    def verb(self) -> Any:
        """The request of the command's verb. For a command without a fault."""
        return getattr(self.command, self.command.WhichOneof("verb") or "")


def write_submitted(command: SubmittedCommand) -> bytes:
    """Return the stored bytes of a command without a fault."""
    # Setting one field after another takes half the time of a constructor with nested messages.
    stored = StoredCommand()
    stored.command_id, stored.order_id, stored.request_id = command.command_id, command.order_id, command.request_id
    stored.command_digest = command.digest
    stored.submit_time.CopyFrom(moment(command.submit_time))
    if command.not_before is not None:
        stored.not_before.CopyFrom(moment(command.not_before))
    if command.actor:
        stored.actor = command.actor
    if command.on_behalf_of:
        stored.on_behalf_of = command.on_behalf_of
    if not command.scope.is_unbounded:
        stored.scope.customer_ids.extend(sorted(command.scope.customer_ids))
        stored.scope.customer_prefixes.extend(sorted(command.scope.prefixes))
        stored.scope.SetInParent()
    if command.traceparent:
        stored.traceparent = command.traceparent
    if command.expected_version is not None:
        stored.expected_version = command.expected_version
    return stored.SerializeToString() + chunk(_COMMAND, command.command.SerializeToString())


def add_predecessor(stored: bytes, command_id: str) -> bytes:
    """Return the stored bytes of a command with the id of the command that must stand before it."""
    return stored + chunk(_PREDECESSOR, command_id.encode())


def read_submitted(value: bytes) -> SubmittedCommand | None:
    """Read a stored command; None if it is not a submitted command. Never raises, for any bytes."""
    try:
        stored = StoredCommand.FromString(value)
    except DecodeError:
        return None
    if not (stored.command_id and stored.order_id and stored.request_id):
        return None
    fault = _find_fault(stored.command)
    return SubmittedCommand(
        stored.command_id,
        stored.order_id,
        stored.request_id,
        stored.command_digest,
        nanoseconds(stored.submit_time),
        nanoseconds(stored.not_before) if stored.HasField("not_before") else None,
        stored.actor,
        stored.traceparent,
        stored.expected_version if stored.HasField("expected_version") else None,
        Command() if fault else stored.command,
        fault,
        stored.predecessor_id,
        stored.on_behalf_of,
        _scope_of(stored),
    )


def _scope_of(stored: StoredCommand) -> Scope:
    if not stored.HasField("scope"):
        return EVERYTHING
    return Scope(frozenset(stored.scope.customer_ids), frozenset(stored.scope.customer_prefixes))


def _find_fault(command: Command) -> str:
    size = command.ByteSize()
    command.DiscardUnknownFields()
    if not command.WhichOneof("verb"):
        return "its verb is of a newer release"
    return "it has fields of a newer release" if command.ByteSize() != size else ""
