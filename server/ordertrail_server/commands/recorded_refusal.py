"""Recorded refusals: the outcomes of submitted commands that were refused."""

from contextlib import suppress

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from ordertrail.log.v1.record_pb2 import Record, Refusal as StoredRefusal
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INTERNAL, ErrorReason
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.wire import bytes_tag, chunk

UNREADABLE = Refusal(ERROR_REASON_INTERNAL, "The command was refused, but its refusal cannot be read.")
_REFUSAL = bytes_tag(Record.DESCRIPTOR.fields_by_name["refusal"].number)


def encode_refusal(refusal: Refusal) -> bytes:
    """Encode a refusal as the field of `Record`."""
    return chunk(_REFUSAL, StoredRefusal(status=status_of(refusal)).SerializeToString())


def read_status(value: bytes) -> Status:
    """Return the status of the refusal that a record holds; an INTERNAL one if it cannot be read."""
    reading = read(value)
    try:
        status = StoredRefusal.FromString(reading.refusal if reading and reading.refusal else b"").status
    except DecodeError:
        status = Status()
    return status if status.code else status_of(UNREADABLE)


def parse_refusal(value: bytes, order_id: str) -> Refusal:
    """Return the refusal that a record holds.

    A reason that this release does not know, or a status that it cannot read, is INTERNAL: the command stays refused.
    """
    status, info, bad_request = read_status(value), ErrorInfo(), BadRequest()
    with suppress(DecodeError):  # a damaged detail
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(bad_request)
    name = f"ERROR_REASON_{info.reason}"
    reason = ErrorReason.Value(name) if name in ErrorReason.keys() else ERROR_REASON_INTERNAL  # noqa: SIM118 (an enum)
    where = bad_request.field_violations[0].field if bad_request.field_violations else ""
    return Refusal(reason, status.message, order_id, where, dict(info.metadata))
