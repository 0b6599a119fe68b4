"""Read your writes: an answer waits until the read model includes what the request's tokens name."""

from asyncio import timeout
from collections.abc import Sequence

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_NOT_FRESH_YET
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import Offsets, latest, offsets_of
from ordertrail_server.orders.refusal import Refusal, Refused

WITHOUT_DEADLINE = 10.0
"""Seconds to wait for freshness in a call that has no deadline."""

OF_THE_DEADLINE = 0.9
"""The share of a call's time that may go into waiting; the rest is for the answer, also for that of having waited."""


def named_offsets(model: ReadModel, tokens: Sequence[str]) -> Offsets:
    """Return the latest offsets that at_least_as_fresh names. Raises Refused for tokens that are none of this log."""
    read = [offsets_of(t, f"at_least_as_fresh[{i}]", model.log_id, model.partitions) for i, t in enumerate(tokens)]
    return latest([(0,) * model.partitions, *read])


async def known_positions(model: ReadModel, progress: Progress) -> Offsets:
    """Return how far the read model is known to be; it is asked if nobody has told yet."""
    if not progress.positions:
        progress.advance(dict(enumerate(await model.read(model.positions))))
    return tuple(progress.positions.get(partition, 0) for partition in range(model.partitions))


async def until_fresh(model: ReadModel, progress: Progress, wanted: Offsets, time_remaining: float | None) -> None:
    """Return when the read model includes everything before `wanted`. Raises Refused NOT_FRESH_YET.

    `time_remaining` is what is left of the call's deadline, in seconds; None if it has none.
    """
    if not any(wanted):
        return
    await known_positions(model, progress)
    try:
        async with timeout(WITHOUT_DEADLINE if time_remaining is None else time_remaining * OF_THE_DEADLINE):
            await progress.reached(dict(enumerate(wanted)))
    except TimeoutError as error:
        behind = [f"{p}: {progress.positions.get(p, 0)}, not {offset}" for p, offset in enumerate(wanted)]
        message = f"The read model stands, by partition, at {'; '.join(behind)}."
        raise Refused(Refusal(ERROR_REASON_NOT_FRESH_YET, message, where="at_least_as_fresh")) from error
