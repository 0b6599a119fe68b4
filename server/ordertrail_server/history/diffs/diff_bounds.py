"""The two moments of a diff, and the offsets between which all facts are that one includes and the other does not."""

from functools import partial
from typing import Literal, NamedTuple

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_INVALID_REQUEST
from ordertrail.v1.order_history_service_pb2 import DiffOrdersRequest
from ordertrail_server.history.freshness import required_offsets
from ordertrail_server.history.moment import offsets_at, refuse_future
from ordertrail_server.history.queried_projection import QueriedProjection
from ordertrail_server.history.read_model import Connection, ReadModel
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.time_blocks import offsets_before, offsets_since
from ordertrail_server.history.tokens import Moment, Offsets, latest, moment_of
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import LAST_NANOSECOND, nanoseconds


class DiffBounds(NamedTuple):
    """Facts that `end` includes and `start` does not are changes. All of them are from `low` to before `high`."""

    start: Moment
    end: Moment
    low: Offsets
    high: Offsets


async def diff_bounds(
    history: QueriedProjection, recency: Recency, request: DiffOrdersRequest, deadline: float
) -> DiffBounds:
    """Return the bounds of a diff, once the projection `history` includes both moments. Raises Refused."""
    model = history.model
    start = _token_moment(model, request, "from_token")
    end = _token_moment(model, request, "until_token")
    if start and end and start.offsets != end.offsets and latest([start.offsets, end.offsets]) == start.offsets:
        message = "until_token is earlier than from_token; give the earlier token first."
        raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="until_token"))
    required = [required_offsets(model, request.at_least_as_fresh), *(m.offsets for m in (start, end) if m is not None)]
    if request.HasField("recorded_before"):
        _check_interval(request)
        required.append(await offsets_at(request.recorded_before, history.freshness, recency, deadline))
    elif request.HasField("recorded_from"):
        refuse_future(request.recorded_from, "recorded_from")
    await history.freshness.wait_until_fresh(latest(required), deadline)
    return await model.read_for_stream(partial(_read_bounds, model, request, start, end))


def _token_moment(
    model: ReadModel, request: DiffOrdersRequest, field: Literal["from_token", "until_token"]
) -> Moment | None:
    if not request.HasField(field):
        return None
    return moment_of(getattr(request, field), field, model.lineage)


def _check_interval(request: DiffOrdersRequest) -> None:
    refuse_future(request.recorded_before, "recorded_before")
    if request.HasField("recorded_from") and nanoseconds(request.recorded_from) > nanoseconds(request.recorded_before):
        message = "recorded_before is earlier than recorded_from; give the earlier time first."
        raise Refused(Refusal(ERROR_REASON_INVALID_REQUEST, message, where="recorded_before"))


def _read_bounds(
    model: ReadModel, request: DiffOrdersRequest, start: Moment | None, end: Moment | None, connection: Connection
) -> DiffBounds:
    positions = model.positions(connection)
    if end is None:
        end = Moment(positions, _last_instant(request, "recorded_before"))
    if start is None:
        start = Moment(end.offsets, _last_instant(request, "recorded_from"))
    low, high = start.offsets, end.offsets
    if start.time is not None:
        low = tuple(map(min, low, offsets_since(model, _next_instant(start.time), connection)))
    if end.time is not None:
        high = tuple(map(min, high, offsets_before(model, _next_instant(end.time), connection)))
    return DiffBounds(start, end, low, high)


def _next_instant(time: int) -> int:
    return min(time + 1, LAST_NANOSECOND)


def _last_instant(request: DiffOrdersRequest, field: Literal["recorded_from", "recorded_before"]) -> int | None:
    """Return the last nanosecond before a time of the request, which the interval before that time includes."""
    return nanoseconds(getattr(request, field)) - 1 if request.HasField(field) else None
