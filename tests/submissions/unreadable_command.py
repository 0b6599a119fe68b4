"""A submitted command of a verb that this release does not know."""

from tests.log.memory import MemoryLog

from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand
from ordertrail_server.log.port import Entry

UNKNOWN_VERB = b"\x52\x03\xfa\x3e\x00"  # field 10, the command, with an empty field 1007


def store_unreadable_command(log: MemoryLog) -> str:
    """Store such a command of the sample order in the log's commands; return its id."""
    stored = SubmittedCommand(
        command_id="unreadable", order_id="order-1", request_id="new verb", command_digest=b"d" * 16
    )
    assert isinstance(log.commands, MemoryLog)
    log.commands.land(0, Entry("order-1", stored.SerializeToString() + UNKNOWN_VERB))
    return "unreadable"
