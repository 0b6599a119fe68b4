"""The offsets at which a stream begins and ends."""

from functools import partial

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail_server.history.freshness import Freshness, required_offsets
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.tokens import Offsets, invalid_token, latest, offsets_of
from ordertrail_server.log.position import OFFSET_BITS, LogPosition, first_packed
from ordertrail_server.orders.times import nanoseconds

FEW = 4_000
"""The most blocks of events after the time among which the first is searched; else the stream reads from offset 0."""

_BLOCKS = "SELECT position FROM event_times WHERE latest >= ? ORDER BY latest LIMIT ?"
_FIRST_BLOCKS = f"SELECT min(position), count(*) FROM ({_BLOCKS}) GROUP BY position >> {OFFSET_BITS}"


async def stream_bounds(
    model: ReadModel, freshness: Freshness, request: StreamOrderEventsRequest, deadline: float
) -> tuple[Offsets, Offsets | None]:
    """Return the offsets a stream begins at, and those it ends at (None if it follows), once the model is fresh enough.

    `deadline` is the moment, by the event loop's clock, until which the call may wait. Raises Refused for a bad
    token, and what Freshness raises.
    """
    required = required_offsets(model, request.at_least_as_fresh)
    start = request.WhichOneof("start")
    begin: Offsets = (0,) * model.partitions
    if start == "resume_token":
        begin = await _resume_offsets(model, freshness, request.resume_token, deadline)
    elif start == "now" and request.now:
        begin = latest([await freshness.query_ends(deadline), required])
    await freshness.wait_until_fresh(required, deadline)
    if start is None and request.HasField("recorded_from"):
        begin = await model.read_for_stream(partial(offsets_since, model, nanoseconds(request.recorded_from)))
    return begin, None if request.follow else await model.read(model.positions)


async def _resume_offsets(model: ReadModel, freshness: Freshness, token: str, deadline: float) -> Offsets:
    begin = offsets_of(token, "resume_token", model.log_id, model.partitions)
    # The log may have lost its end or been restored. Then the records there are not those that the caller saw.
    if not await freshness.log_reaches(begin, deadline):
        raise invalid_token("resume_token", "is ahead of the log, which lacks facts that the token includes")
    return begin


def offsets_since(model: ReadModel, since: int, connection: Connection) -> Offsets:
    """Return offsets before which no event was recorded at or after `since` (nanoseconds), the latest found quickly.

    No parked order's waiting fact lies before them either, because the stream must reach it to name the order.
    """
    rows = connection.execute(_FIRST_BLOCKS, (since, FEW + 1)).fetchall()
    if sum(count for _, count in rows) > FEW:
        return (0,) * model.partitions
    offsets = list(model.positions(connection))
    for first, _ in rows:
        partition, offset = LogPosition.unpack(first)
        offsets[partition] = offset
    return tuple(_first_waiting(connection, partition, offset) for partition, offset in enumerate(offsets))


def _first_waiting(connection: Connection, partition: int, max_offset: int) -> int:
    """Return the offset of a partition's first waiting fact, at most `max_offset`."""
    base = first_packed(partition)
    first = "SELECT min(position) FROM ordertrail_waiting WHERE position >= ? AND position < ?"
    position: int | None = connection.execute(first, (base, base | max_offset)).fetchone()[0]
    return max_offset if position is None else position - base
