"""Answers batches element by element, in slices of the event loop's time."""

from collections.abc import Callable, Sequence

from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.orders.refusal import Refusal, Refused


class BatchWork:
    """Prepares, submits and answers batches; all batches of a server share its slices of time."""

    def __init__(self, handler: CommandHandler) -> None:
        self._handler, self._slices = handler, TimeSlices()

    async def run(
        self,
        batch: Sequence[bytes],
        prepare: Callable[[bytes], Attempt | Refusal],
        add_result: Callable[[Attempt | Refusal], None],
    ) -> None:
        """Add the result of each element, in order: of its refusal, or of its answered attempt."""
        prepared = await self._slices.map(prepare, batch)
        submitted = await self._submit(prepared)
        for element in submitted:
            if isinstance(element, Attempt):
                await element.answer
        await self._slices.map(add_result, submitted)

    async def _submit(self, prepared: Sequence[Attempt | Refusal]) -> list[Attempt | Refusal]:
        """Submit the attempts; replace those that are refused by the refusals."""
        submitted = list(prepared)
        for place, element in enumerate(prepared):
            if isinstance(element, Attempt):
                element.is_batched = True
                try:
                    if not self._handler.submit_if_space(element):
                        await self._handler.submit_when_space(element)
                except Refused as refused:
                    submitted[place] = refused.refusal
        return submitted
