"""The offsets at which a stream begins and ends."""

from functools import partial
from typing import NamedTuple

from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail_server.history.freshness import Freshness, required_offsets
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.time_blocks import offsets_before, offsets_since
from ordertrail_server.history.tokens import Offsets, invalid_token, latest, moment_of
from ordertrail_server.orders.times import nanoseconds


class Bounds(NamedTuple):
    """The offsets at which a stream begins and ends.

    `until` is None if it follows the log. From `last` on, no event before `until` is early enough for the stream; None
    if it has no latest time.
    """

    begin: Offsets
    until: Offsets | None
    last: Offsets | None


async def stream_bounds(
    model: ReadModel, freshness: Freshness, request: StreamOrderEventsRequest, deadline: float
) -> Bounds:
    """Return the bounds of a stream, once the model is fresh enough.

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
    if request.follow:
        return Bounds(begin, None, None)
    return Bounds(begin, *await model.read_for_stream(partial(_ends, model, request)))


async def _resume_offsets(model: ReadModel, freshness: Freshness, token: str, deadline: float) -> Offsets:
    begin, as_of = moment_of(token, "resume_token", model.lineage)
    if as_of is not None:  # the stream would lack the facts after that time
        raise invalid_token("resume_token", "is a token of a moment, after which no stream can continue")
    # The log may have lost its end or been restored. Then the records there are not those that the caller saw.
    if not await freshness.log_reaches(begin, deadline):
        raise invalid_token("resume_token", "is ahead of the log, which lacks facts that the token includes")
    return begin


def _ends(
    model: ReadModel, request: StreamOrderEventsRequest, connection: Connection
) -> tuple[Offsets, Offsets | None]:
    until = model.positions(connection)
    if not request.HasField("recorded_before"):
        return until, None
    return until, offsets_before(model, nanoseconds(request.recorded_before), connection)
