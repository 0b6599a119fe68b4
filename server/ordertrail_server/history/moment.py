"""Resolves the moment that a question about the past names, a time or a token, to offsets of the log."""

from collections.abc import Callable
from time import time_ns

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_FUTURE_TIME
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment, nanoseconds

APPEND_NS = 10_000_000_000
"""The longest time that is expected between the record time of a fact and the end of its append, in nanoseconds."""


def refuse_future(time: Timestamp, where: str, clock: Callable[[], int] = time_ns) -> None:
    """Raise Refused if the time in the request field `where` is later than this server's clock."""
    now = clock()
    if nanoseconds(time) > now:
        server_time = moment(now).ToJsonString()
        message = f"{where} is in the future: the server's clock is at {server_time}."
        raise Refused(Refusal(ERROR_REASON_FUTURE_TIME, message, where=where, facts={"server_time": server_time}))


async def offsets_at(time: Timestamp, freshness: Freshness, recency: Recency, deadline: float) -> Offsets:
    """Return offsets before which the log had every fact that was recorded by a time in the past.

    Raises Refused (UNAVAILABLE) if the log does not report its ends by the moment `deadline` of the event loop's clock.
    """
    # A fact gets its record time before it is appended.
    if recency.current_at is not None and nanoseconds(time) + APPEND_NS < recency.current_at:
        return freshness.projected_offsets()
    return await freshness.query_ends(deadline)
