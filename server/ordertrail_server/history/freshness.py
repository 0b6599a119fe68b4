"""Freshness: reads wait for the offsets of their tokens, and for a read model that is complete."""

from asyncio import gather, get_running_loop, sleep, timeout_at
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from operator import ge, gt

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_NOT_FRESH_YET, ERROR_REASON_UNAVAILABLE
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.history.tokens import Offsets, latest, offsets_of
from ordertrail_server.log.port import Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refusal, Refused

AGAIN_S = 0.1
"""The pause between two queries of a log whose end may be stale."""


async def query_end_offsets(log: Log) -> Offsets:
    """Return the end of each partition of the log, as of a moment after the call began. Raises LogUnavailable."""
    return tuple(await gather(*(log.end(partition) for partition in range(log.partitions))))


@asynccontextmanager
async def refuse_when_late(deadline: float, message: str) -> AsyncIterator[None]:
    """Raise Refused (UNAVAILABLE, with this message) if the body has not ended at the moment `deadline`."""
    try:
        async with timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise Refused(Refusal(ERROR_REASON_UNAVAILABLE, message)) from error


def required_offsets(model: ReadModel, tokens: Sequence[str]) -> Offsets:
    """Return the latest offsets of the tokens in at_least_as_fresh. Raises Refused for a token of another log."""
    token_offsets = [offsets_of(t, f"at_least_as_fresh[{i}]", model.lineage) for i, t in enumerate(tokens)]
    return latest([(0,) * model.partitions, *token_offsets])


class Freshness:
    """Compares the log's ends with the offsets that the read model includes.

    `ends_at_start` are the log's ends at the server's start. No read is answered before the read model includes them,
    because a read model that is being built lacks orders that exist.

    `deadline` is the moment, by the event loop's clock, until which a call may wait.
    """

    def __init__(self, model: ReadModel, progress: Progress, log: Log, ends_at_start: Offsets) -> None:
        self._model, self._progress, self._log, self._ends_at_start = model, progress, log, ends_at_start

    async def query_ends(self, deadline: float) -> Offsets:
        """Return the present ends of the log, at least the offsets that are known to exist.

        Raises Refused (UNAVAILABLE) if the log does not answer in time.
        """
        async with refuse_when_late(deadline, "The log did not report its end offsets in time; try again shortly."):
            return await self._query_ends()

    async def _query_ends(self) -> Offsets:
        return latest([await query_end_offsets(self._log), self.known_ends()])

    def known_ends(self) -> Offsets:
        """Return the offsets before which the log is known to have records, without a query."""
        return latest([self.projected_offsets(), self._ends_at_start])

    async def log_reaches(self, offsets: Offsets, deadline: float) -> bool:
        """Return whether the log has these offsets, which come from a caller's token.

        The log is queried again as long as its answer may be stale. Raises Refused (UNAVAILABLE) if the log does not
        answer in time.
        """
        ends = self.known_ends()
        if any(map(gt, offsets, ends)):
            ends = await self.query_ends(deadline)
        stale_until = get_running_loop().time() + self._log.capabilities.max_end_staleness_seconds
        with suppress(TimeoutError):
            async with timeout_at(min(deadline, stale_until)):
                while any(map(gt, offsets, ends)):
                    await sleep(AGAIN_S)
                    ends = await self._query_ends()
        return all(map(ge, ends, offsets))

    async def wait_complete(self) -> None:
        """Return once the read model includes everything that was in the log at the server's start."""
        await self._progress.wait_reached(dict(enumerate(self._ends_at_start)))

    async def wait_until_fresh(self, offsets: Offsets, deadline: float) -> None:
        """Return when the read model includes everything before `offsets`, and everything in the log at the start.

        Raises Refused with UNAVAILABLE while the read model is being built, else with NOT_FRESH_YET.
        """
        offsets = latest([offsets, self._ends_at_start])
        if not self._progress.positions:  # the projector has not reported yet, but a read model may exist
            stored_positions = await self._model.stored_positions()
            if stored_positions is not None:
                self._progress.advance(dict(enumerate(stored_positions)))
        try:
            async with timeout_at(deadline):
                await self._progress.wait_reached(dict(enumerate(offsets)))
        except TimeoutError as error:
            raise Refused(self._not_fresh(offsets)) from error

    def projected_offsets(self) -> Offsets:
        """Return the offsets before which the read model is known to include everything."""
        return tuple(self._progress.positions.get(partition, 0) for partition in range(self._model.partitions))

    def _not_fresh(self, offsets: Offsets) -> Refusal:
        projected, ends_at_start = self.projected_offsets(), self._ends_at_start
        if not self._progress.positions and not any(ends_at_start):
            return Refusal(ERROR_REASON_UNAVAILABLE, "The read model does not exist yet.")
        if not self._progress.positions or not all(map(ge, projected, ends_at_start)):
            projected_count = sum(map(min, projected, ends_at_start))
            message = f"The read model is being built: it holds {projected_count} of {sum(ends_at_start)} records."
            return Refusal(ERROR_REASON_UNAVAILABLE, message)
        pairs = enumerate(zip(projected, offsets, strict=True))
        lags = [f"partition {p} is at offset {at}, not {offset}" for p, (at, offset) in pairs if at < offset]
        message = f"The read model is not fresh yet: {'; '.join(lags)}."
        return Refusal(ERROR_REASON_NOT_FRESH_YET, message, where="at_least_as_fresh")
