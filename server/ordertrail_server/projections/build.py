"""One build of a generation: its process, and whether it is up to date."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from ordertrail_server.log.source import LogSource
from ordertrail_server.projections.generation import Generation
from ordertrail_server.projections.generation_report import read_stored_progress
from ordertrail_server.projections.shared_call import SharedCall
from ordertrail_server.projections.supervisor import OnDamage, ProjectorProcess

NEAR = 1_000
"""How many records a generation may lack to be promoted."""

CHECK_SECONDS = 0.1


class Build:
    """Folds one generation that is not live, and follows the log until it is stopped. For one event loop.

    `is_new`: it begins at the first record; otherwise a generation that exists is brought up to date.
    """

    def __init__(
        self, source: LogSource, directory: Path, generation: Generation, on_damage: OnDamage, *, is_new: bool
    ) -> None:
        self._file, self._on_damage, self.is_new = generation.file(directory), on_damage, is_new
        numbers = {generation.name: generation.number}
        names = [generation.name]
        self.process = ProjectorProcess(source, names, self._note_progress, numbers, on_damage=on_damage)
        self._folded_count = -1
        self._is_complete = False
        self.comparison: SharedCall[dict[str, Any]] = SharedCall(partial(self.process.request, compare=generation.name))
        """Compares the generation with the live one, which may take long, for all calls that wait for it."""

    @property
    def is_running(self) -> bool:
        """False if it has failed, so that nothing folds the generation any more."""
        return self.process.failure is None

    @property
    def folded_count(self) -> int:
        """How many records the generation includes, 0 until its process reports."""
        return max(0, self._folded_count)

    def is_ready(self, end: int) -> bool:
        """Return whether the generation is complete and near the end of the log, which has `end` records."""
        is_near = self._folded_count >= 0 and end - self._folded_count <= NEAR
        if not is_near or self._is_complete:
            return is_near
        stored = read_stored_progress(self._file)
        if stored.damage:
            self._on_damage(self._file, stored.damage)
        self._is_complete = stored.is_complete
        return stored.is_complete

    async def wait_ready(self, query_end: Callable[[], Awaitable[int]], seconds: float) -> bool:
        """Return whether the generation is ready within some seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.is_ready(await query_end()):
            if not self.is_running or loop.time() >= until:
                return False
            await asyncio.sleep(CHECK_SECONDS)
        return True

    def _note_progress(self, name: str, positions: dict[int, int]) -> None:
        self._folded_count = sum(positions.values())
