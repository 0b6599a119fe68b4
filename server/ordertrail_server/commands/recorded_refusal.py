"""Reads recorded refusals: the outcomes of submitted commands that were refused."""

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo

from ordertrail.log.v1.record_pb2 import Refusal as StoredRefusal
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INTERNAL, ErrorReason
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import read


def parse_refusal(value: bytes, order_id: str) -> Refusal:
    """Return the refusal that a record holds.

    A reason that this release does not know, or a status that it cannot read, is INTERNAL: the command stays refused.
    """
    reading = read(value)
    try:
        status = StoredRefusal.FromString(reading.refusal if reading and reading.refusal else b"").status
    except DecodeError:
        return Refusal(ERROR_REASON_INTERNAL, "The command was refused, but its refusal cannot be read.", order_id)
    info = ErrorInfo()
    for detail in status.details:
        detail.Unpack(info)
    name = f"ERROR_REASON_{info.reason}"
    reason = ErrorReason.Value(name) if name in ErrorReason.keys() else ERROR_REASON_INTERNAL  # noqa: SIM118 (an enum)
    return Refusal(reason, status.message, order_id, facts=dict(info.metadata))
