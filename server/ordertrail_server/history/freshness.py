"""How fresh answers are: they wait for what their tokens name, and for a read model that is whole."""

from asyncio import gather, get_running_loop, sleep, timeout_at
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from operator import ge, gt

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_NOT_FRESH_YET, ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import Offsets, latest, offsets_of
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refusal, Refused

AGAIN_S = 0.1
"""How soon a log that may be stale is asked again."""


async def ends_of(log: Log) -> Offsets:
    """Return the end of each partition of the log, as of a moment after the call began. Raises LogUnavailable."""
    return tuple(await gather(*(log.end(partition) for partition in range(log.partitions))))


@asynccontextmanager
async def unless_late(by: float, message: str) -> AsyncIterator[None]:
    """Raise Refused (UNAVAILABLE, with this message) if what is awaited within has not come at the moment `by`."""
    try:
        async with timeout_at(by):
            yield
    except TimeoutError as error:
        raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message)) from error


def named_offsets(model: ReadModel, tokens: Sequence[str]) -> Offsets:
    """Return the latest offsets that at_least_as_fresh names. Raises Refused for tokens that are none of this log."""
    read = [offsets_of(t, f"at_least_as_fresh[{i}]", model.log_id, model.partitions) for i, t in enumerate(tokens)]
    return latest([(0,) * model.partitions, *read])


class Freshness:
    """What the log has, and how much of that the read model includes.

    `least` are the offsets before which no read is answered: the log's ends at the server's start. A read model that
    is being built would else lack orders that exist.

    `by` is the moment, of the event loop's clock, until which a call may wait.
    """

    def __init__(self, model: ReadModel, progress: Progress, log: Log, least: Offsets) -> None:
        self._model, self._progress, self._log, self._least = model, progress, log, least

    async def ends(self, by: float) -> Offsets:
        """Return the present ends of the log, never behind what is known of it.

        Raises Refused (UNAVAILABLE) if the log does not tell them in time.
        """
        async with unless_late(by, "The log does not say where it ends."):
            return await self._ends()

    async def _ends(self) -> Offsets:
        return latest([await ends_of(self._log), self.projected(), self._least])

    async def log_reaches(self, offsets: Offsets, by: float) -> bool:
        """Return whether the log has come to these offsets, as whoever was told of them says.

        As long as it may be told of an end that lies before theirs, it is asked again. Raises Refused (UNAVAILABLE) if
        the log does not say where it ends.
        """
        ends = latest([self.projected(), self._least])
        if any(map(gt, offsets, ends)):
            ends = await self.ends(by)
        with suppress(TimeoutError):
            async with timeout_at(min(by, get_running_loop().time() + self._log.stale_seconds)):
                while any(map(gt, offsets, ends)):
                    await sleep(AGAIN_S)
                    ends = await self._ends()
        return all(map(ge, ends, offsets))

    async def whole(self) -> None:
        """Return once there is a read model that holds all that the log held at the server's start."""
        await self._progress.wait_reached(dict(enumerate(self._least)))

    async def until(self, offsets: Offsets, by: float) -> None:
        """Return when the read model includes everything before `offsets`, and was whole once.

        Raises Refused: UNAVAILABLE while the read model is being built, else NOT_FRESH_YET.
        """
        offsets = latest([offsets, self._least])
        if not self._progress.positions:  # the projector has not told yet; a read model may be there nevertheless
            stored = await self._model.stored_positions()
            if stored is not None:
                self._progress.advance(dict(enumerate(stored)))
        try:
            async with timeout_at(by):
                await self._progress.wait_reached(dict(enumerate(offsets)))
        except TimeoutError as error:
            raise Refused(self._refusal(offsets)) from error

    def projected(self) -> Offsets:
        """Return the offsets before which all is known to be in the read model."""
        return tuple(self._progress.positions.get(partition, 0) for partition in range(self._model.partitions))

    def _refusal(self, offsets: Offsets) -> Refusal:
        projected, least = self.projected(), self._least
        if not self._progress.positions and not any(least):
            return Refusal(ERROR_REASON_UNAVAILABLE, "The read model is not begun yet.")
        if not self._progress.positions or not all(map(ge, projected, least)):
            done = sum(map(min, projected, least))
            message = f"The read model is being built: it holds {done} of {sum(least)} records."
            return Refusal(ERROR_REASON_UNAVAILABLE, message)
        lags = [f"{p}: {at}, not {offset}" for p, (at, offset) in enumerate(zip(projected, offsets, strict=True))]
        message = f"The read model stands, by partition, at {'; '.join(lags)}."
        return Refusal(ERROR_REASON_NOT_FRESH_YET, message, where="at_least_as_fresh")
