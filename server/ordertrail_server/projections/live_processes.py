"""The processes that fold the live generations: one for the server's own projections, one for each added projection.

A projection of another package runs in a process of its own, so that its errors and its endless loops delay no other.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ordertrail_server.log.source import LogSource
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import Generation, live_generation, make_live
from ordertrail_server.projections.supervisor import OnDamage, ProjectorProcess

STALL_SECONDS = 10.0
"""After this time without the end of a batch, a projection is reported as stopped; it may hang."""

START_SECONDS = 0.5

_log = logging.getLogger(__name__)

OnProgress = Callable[[str, dict[int, int]], None]
OnSwitch = Callable[[str, Path], None]


class LiveProcesses:
    """The processes of one server. For one event loop, and one restart or switch at a time.

    `on_progress` is called with the positions of each live generation. `on_switch` is called with the file of a
    projection that was promoted, once it includes everything that was reported for the one before it.
    """

    def __init__(
        self,
        source: LogSource,
        directory: Path,
        own_names: Sequence[str],
        added_names: Iterable[str],
        on_progress: OnProgress,
        on_switch: OnSwitch,
        on_damage: OnDamage,
        grace_s: float,
    ) -> None:
        self._source, self._directory, self._own_names, self._grace_s = source, directory, own_names, grace_s
        self._on_progress, self._on_switch, self._on_damage = on_progress, on_switch, on_damage
        self._main = self._create_process(own_names)
        self._added = {name: self._create_process([name]) for name in added_names}
        self._reached: dict[str, dict[int, int]] = {}
        self._switching: set[str] = set()
        self._replacing = asyncio.Lock()

    @property
    def names(self) -> list[str]:
        """The projections of this server."""
        return [*self._own_names, *self._added]

    async def start(self) -> None:
        """Start the processes, and keep them running until `stop`. Raises OSError if one cannot be started at all."""
        existing_names = self._existing_names()
        for process in self._processes():
            await process.start(existing_names)

    async def wait_ended(self) -> str | None:
        """Return when the server's own projections are no longer folded: the reason, None after `stop`."""
        while True:
            process = self._main
            failure = await process.wait_ended()
            if failure is not None:
                return failure
            async with self._replacing:  # a promotion replaces the process
                if process is self._main:
                    return None

    def expect_stop(self) -> None:
        """Do not warn if a process ends from now on."""
        for process in self._processes():
            process.expect_stop()

    async def stop(self) -> None:
        """Let the processes finish their batches; both that and killing them is safe."""
        await asyncio.gather(*(process.stop(self._grace_s) for process in self._processes()))

    def notify_growth(self) -> None:
        """Wake the engine, because the log has grown. Never blocks, never raises."""
        self._main.notify_growth()

    def note_read(self) -> None:
        """Note that a read or a stream may wait for new records, which are then folded sooner."""
        for process in self._processes():
            process.note_read()

    async def retry(self, order_id: str) -> Any:
        """Have the engine fold a parked order's waiting facts again, and the added projections follow."""
        result = await self._main.request(retry=order_id)
        self._wake_added()
        return result

    async def restart(self, name: str) -> None:
        """Start the process of a projection anew."""
        async with self._replacing:
            await self._restart(name)

    async def switch(self, generation: Generation) -> None:
        """Make a generation the live one, and fold it instead of the one before it.

        Raises OSError if it cannot be made live; then the one before it is folded on.
        """
        async with self._replacing:
            # From here on, all that is reported of this projection must concern the new generation.
            await self._process_of(generation.name).stop(self._grace_s)
            try:
                make_live(self._directory, generation)
                self._switching.add(generation.name)
            finally:  # a full disk must not leave the projection without its process
                await self._restart(generation.name)
            if generation.name == ORDERS:  # the others read its verdicts
                for name in self._added:
                    await self._restart(name)

    def is_switching(self, name: str) -> bool:
        """Return whether queries still read the generation before the live one."""
        return name in self._switching

    def stopped_reason(self, name: str, lag_count: int) -> str:
        """Return why a projection has stopped or seems to hang, else ""; it lacks `lag_count` records."""
        process = self._process_of(name)
        reason = process.stopped.get(name) or process.failure or process.restart_reason
        if not reason and lag_count and process.seconds_since_report > STALL_SECONDS:
            return f"it has been busy with one batch for {process.seconds_since_report:.0f} s"
        return reason or ""

    async def _restart(self, name: str) -> None:
        await self._process_of(name).stop(self._grace_s)
        process = self._create_process([name] if name in self._added else self._own_names)
        if name in self._added:
            self._added[name] = process
        else:
            self._main = process
        await _start_at_last(process, self._existing_names())

    def _note_progress(self, name: str, positions: dict[int, int]) -> None:
        if name in self._switching:
            # Queries have seen the generation before up to there, so they must not go back.
            reached = self._reached.get(name, {})
            if any(positions.get(partition, 0) < offset for partition, offset in reached.items()):
                return
            # If it fails, the next report tries again: queries must not get the new positions with the old file.
            self._on_switch(name, live_generation(self._directory, name))
            self._switching.remove(name)
        self._reached[name] = positions
        self._on_progress(name, positions)
        if name == ORDERS:
            self._wake_added()

    def _wake_added(self) -> None:
        for process in self._added.values():
            process.notify_growth()

    def _create_process(self, names: Sequence[str]) -> ProjectorProcess:
        return ProjectorProcess(self._source, names, self._note_progress, on_damage=self._on_damage)

    def _existing_names(self) -> list[str]:
        return [name for name in self.names if self._has_file(name)]

    def _has_file(self, name: str) -> bool:
        try:
            return live_generation(self._directory, name).exists()
        except OperatorError:  # its process reports the reason
            return False

    def _process_of(self, name: str) -> ProjectorProcess:
        return self._added.get(name, self._main)

    def _processes(self) -> list[ProjectorProcess]:
        return [self._main, *self._added.values()]


async def _start_at_last(process: ProjectorProcess, existing_names: Sequence[str]) -> None:
    """Start a process that replaces another one; repeat that while the machine lacks descriptors or memory."""
    while True:
        try:
            await process.start(existing_names)
        except OSError as error:
            _log.error("a projector could not be started, which is tried again: %s", error)
            await asyncio.sleep(START_SECONDS)
        else:
            return
