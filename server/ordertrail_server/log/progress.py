"""The progress of a projection, and waits for it."""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Mapping


class Progress:
    """{partition: the offset before which everything is projected}; an absent partition is at 0.

    For one event loop. An advance wakes only the waits that it ends. `on_wait` is called when an urgent wait begins,
    also if it ends at once.
    """

    def __init__(self, on_wait: Callable[[], None] = lambda: None) -> None:
        self._on_wait = on_wait
        self._offsets: dict[int, int] = {}
        self._waits: dict[Future[None], Callable[[], bool]] = {}

    @property
    def positions(self) -> Mapping[int, int]:
        """The offsets that the projection is known to have reached; empty before the first report."""
        return self._offsets

    def advance(self, positions: Mapping[int, int]) -> None:
        """Note that the projection has reached these offsets. Never goes back."""
        for partition, offset in positions.items():
            self._offsets[partition] = max(offset, self._offsets.get(partition, 0))
        for future, holds in list(self._waits.items()):
            if holds() and not future.done():
                future.set_result(None)

    def has_reached(self, positions: Mapping[int, int]) -> bool:
        """Return whether everything before `positions` is projected; false before the first report."""
        return bool(self._offsets) and all(self._offsets.get(p, 0) >= offset for p, offset in positions.items())

    async def wait_reached(self, positions: Mapping[int, int], is_urgent: bool = True) -> None:
        """Return as soon as everything before `positions` is projected; never before the first report."""
        if is_urgent:
            self._on_wait()
        await self._wait_until(lambda: self.has_reached(positions))

    async def wait_beyond(self, positions: Mapping[int, int]) -> None:
        """Return as soon as anything at or behind `positions` is projected. It is urgent."""
        self._on_wait()
        await self._wait_until(lambda: any(offset > positions.get(p, 0) for p, offset in self._offsets.items()))

    async def _wait_until(self, holds: Callable[[], bool]) -> None:
        # There is no await between the check and the registration, so no advance is missed.
        if holds():
            return
        future: Future[None] = get_running_loop().create_future()
        self._waits[future] = holds
        try:
            await future
        finally:
            del self._waits[future]
