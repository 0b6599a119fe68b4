"""The projections of a server, and the operations on them: report, rebuild, audit, promote, drop, resume, repair."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_GENERATION_NOT_READY, ERROR_REASON_PROJECTION_NOT_FOUND
from ordertrail_server.log.port import Log
from ordertrail_server.log.source import LogSource
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.projections.audit.running_audit import RunningAudit
from ordertrail_server.projections.build import Build
from ordertrail_server.projections.builds import Builds
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.definition import forget_definition
from ordertrail_server.projections.generation import (
    Generation,
    current_generation,
    list_generations,
    next_generation,
)
from ordertrail_server.projections.generation_report import ProjectionReport, report_generation
from ordertrail_server.projections.live_processes import LiveProcesses, OnProgress, OnSwitch
from ordertrail_server.projections.operations import Operations
from ordertrail_server.projections.repair import Repair
from ordertrail_server.projections.shared_call import SharedCall
from ordertrail_server.storage.database_file import remove_database

PROMOTE_SECONDS = 5.0
"""How long a promotion waits for a generation that is almost up to date."""


class ProjectionHost:
    """The projections of one server, and the operations on them. For one event loop.

    `on_progress` is called with the positions of each live generation. `on_switch` is called with the file of a
    projection that was promoted, once it includes everything that was reported for the one before it.
    """

    def __init__(
        self,
        source: LogSource,
        log: Log,
        directory: Path,
        own_names: Sequence[str],
        added_names: Iterable[str],
        on_progress: OnProgress,
        on_switch: OnSwitch,
        grace_s: float,
    ) -> None:
        self._log, self._directory = log, directory
        self._on_progress, self._added_names = on_progress, list(added_names)
        self.repair = Repair(self, directory)
        on_damage, note_progress = self.repair.note_damage, self._note_progress
        self._live = LiveProcesses(
            source, directory, own_names, self._added_names, note_progress, on_switch, on_damage, grace_s
        )
        self._builds = Builds(source, directory, on_damage, grace_s)
        self._audit = RunningAudit(source, directory, on_damage)
        self._operations = Operations()
        self._report = SharedCall(self._create_report)

    @property
    def names(self) -> list[str]:
        """The projections of this server."""
        return self._live.names

    # Processes

    async def start(self) -> None:
        """Start the processes, and keep them running until `stop`. Raises OSError if one cannot be started at all."""
        await self._live.start()

    async def wait_ended(self) -> str | None:
        """Return when the live generations are no longer folded: the reason, None after `stop`."""
        return await self._live.wait_ended()

    def notify_growth(self) -> None:
        """Wake the engine, because the log has grown. Never blocks, never raises."""
        self._live.notify_growth()

    def note_read(self) -> None:
        """Note that a read or a stream may wait for new records, which are then folded sooner."""
        self._live.note_read()

    def expect_stop(self) -> None:
        """Do not warn if a process ends from now on."""
        self._live.expect_stop()
        self._builds.expect_stop()

    async def stop(self) -> None:
        """Let the processes finish their batches; both that and killing them is safe."""
        self.end_audit()
        await self._operations.stop()
        await asyncio.gather(self._live.stop(), self._builds.stop())

    async def retry(self, order_id: str) -> int | None:
        """Fold a parked order's waiting facts again in all projections.

        Returns how many were folded, None if the order is not parked. Raises Refused (UNAVAILABLE).
        """
        result: int | None = await self._live.retry(order_id)
        await self._builds.retry(order_id)
        return result

    # Operations

    async def report(self) -> list[ProjectionReport]:
        """Return the state of every projection and generation."""
        return await self._report.result()

    async def _create_report(self) -> list[ProjectionReport]:
        end = await self._end()
        builds = self._builds.list_readiness(end)
        existing = sorted({*list_generations(self._directory), *builds})  # a new build may have no file yet
        return [self._report_projection(name, existing, end, builds) for name in sorted(self.names)]

    def _report_projection(
        self, name: str, existing: list[Generation], end: int, builds: Mapping[Generation, bool]
    ) -> ProjectionReport:
        try:
            live = current_generation(self._directory, name)
        except OperatorError as error:  # for example, its module is missing
            return ProjectionReport(name, "", [], str(error), 0)
        generations = [generation for generation in existing if generation.name == name]
        on_damage = self.repair.note_damage
        lines = [report_generation(self._directory, g, end, live, builds, on_damage) for g in generations]
        lag_count = next((line.lag_count for line in lines if line.generation == live), end)
        stopped_reason = self._live.stopped_reason(name, lag_count) or self._builds.describe_failure(name)
        return ProjectionReport(name, live.definition, lines, stopped_reason, self.repair.counts[name])

    def stopped_reason(self, name: str, lag_count: int) -> str:
        """Return why a projection has stopped or seems to hang, else ""; it lacks `lag_count` records."""
        return self._live.stopped_reason(name, lag_count)

    def rebuilt_counts(self) -> dict[str, int]:
        """Return how many records the new generation of each projection includes that is being built."""
        return self._builds.new_folded_counts()

    async def rebuild(self, name: str) -> Generation:
        """Begin to build a new generation beside the live one. Raises Refused."""
        self._require(name)
        self._current(name)
        return await self._operations.run(partial(self._rebuild, name))

    async def _rebuild(self, name: str) -> Generation:
        running = self._builds.find_new(name)
        if running is not None:
            return running
        generation = next_generation(self._directory, name)
        await self._builds.begin(generation, is_new=True)
        return generation

    async def compare(self, name: str, number: int) -> dict[str, Any]:
        """Compare a generation that is built with the live one. Raises Refused."""
        build = self._builds.get(self._generation(name, number))
        if build is None or not build.is_ready(await self._end()):
            raise not_ready(f"Generation {number} of {name} is not complete and up to date, so it cannot be compared.")
        return await build.comparison.result()

    async def promote(self, name: str, number: int) -> Generation:
        """Make a generation the live one. One that does not follow the log is brought up to date first.

        Raises Refused while it is not up to date.
        """
        generation = self._generation(name, number)
        build = await self._operations.run(partial(self._find_or_begin_build, generation))
        if build is not None:
            if not await build.wait_ready(self._end, PROMOTE_SECONDS):
                raise not_ready(f"Generation {number} of {name} is being brought up to date; promote it again later.")
            await self._operations.run(partial(self._promote, generation, build))
        return generation

    async def _find_or_begin_build(self, generation: Generation) -> Build | None:
        """Return what brings a generation up to date, None for the live one."""
        if generation == self._current(generation.name):
            return None
        build = self._builds.get(generation)
        if build is None or not build.is_running:
            build = await self._builds.begin(generation, is_new=False)
        return build

    async def _promote(self, generation: Generation, build: Build) -> None:
        if generation == self._current(generation.name):  # another call has promoted it
            return
        if self._builds.get(generation) is not build:
            raise not_ready(f"Generation {generation.number} of {generation.name} was dropped or is built again.")
        await self._builds.end(generation)
        await self._live.switch(generation)
        if generation.name == ORDERS:
            await self._builds.restart_all()

    async def drop(self, generation: Generation) -> None:
        """Remove a generation that is not live. Raises Refused."""
        await self._operations.run(partial(self._drop, generation))

    async def _drop(self, generation: Generation) -> None:
        if generation.name in self.names and generation == self._current(generation.name):
            raise not_ready(f"Generation {generation.number} of {generation.name} is live and cannot be dropped.")
        had_build = await self._builds.end(generation)
        if not had_build and generation not in list_generations(self._directory):
            raise not_found(f"There is no generation {generation.number} of {generation.name}.")
        remove_database(generation.file(self._directory))

    def audit(self, names: Sequence[str]) -> AsyncGenerator[bytes, None]:
        """Compare live generations with a new fold of the log, all of them without `names`; see RunningAudit.run.

        Raises Refused if there is no such projection.
        """
        for name in names:
            self._require(name)
        return self._audit.run(list(dict.fromkeys(names)) or self.names)

    def end_audit(self) -> None:
        """End the running audit, because the server stops. Its call is refused."""
        self._audit.stop()

    async def resume(self, name: str) -> None:
        """Start a projection again that has stopped. Raises Refused."""
        self._require(name)
        await self._operations.run(partial(self._resume, name))

    async def _resume(self, name: str) -> None:
        if name in self._added_names:
            forget_definition(name)  # its code may have been corrected
        await self._live.restart(name)

    async def restart_build(self, generation: Generation) -> None:
        """Begin a build from the first record again, because its file is damaged. Raises Refused."""
        await self._operations.run(partial(self._restart_build, generation))

    async def _restart_build(self, generation: Generation) -> None:
        if await self._builds.end(generation):
            remove_database(generation.file(self._directory))
            await self._builds.begin(generation, is_new=True)

    def find_build(self, name: str) -> Generation | None:
        """Return the new generation of a projection that is being built; None if there is none."""
        return self._builds.find_new(name)

    def is_building(self, generation: Generation) -> bool:
        """Return whether a generation is built or brought up to date."""
        return generation in self._builds

    def is_switching(self, name: str) -> bool:
        """Return whether queries still read the generation before the live one."""
        return self._live.is_switching(name)

    async def is_ready(self, generation: Generation) -> bool:
        """Return whether a generation that is built is complete and near the end of the log."""
        build = self._builds.get(generation)
        return build is not None and build.is_ready(await self._end())

    def definition_of(self, name: str) -> str:
        """Return the definition of a projection in this release. Raises Refused if there is no such projection."""
        self._require(name)
        return self._current(name).definition

    # Steps

    def _note_progress(self, name: str, positions: dict[int, int]) -> None:
        self._on_progress(name, positions)
        if name == ORDERS:
            self._builds.wake()

    def _generation(self, name: str, number: int) -> Generation:
        self._require(name)
        generation = self._current(name)._replace(number=number)
        if generation not in (*self._builds.generations(), *list_generations(self._directory)):
            raise not_found(f"There is no generation {number} of {name}.")
        return generation

    def _current(self, name: str) -> Generation:
        try:
            return current_generation(self._directory, name)
        except OperatorError as error:
            raise not_ready(f"The projection {name} cannot be used: {error}.") from error

    def _require(self, name: str) -> None:
        if name not in self.names:
            raise not_found(f"This server has no projection {name}.")

    async def _end(self) -> int:
        return sum([await self._log.end(partition) for partition in range(self._log.partitions)])


def not_found(message: str) -> Refused:
    """Return the refusal of a request for a projection or generation that does not exist."""
    return Refused(Refusal(ERROR_REASON_PROJECTION_NOT_FOUND, message))


def not_ready(message: str) -> Refused:
    """Return the refusal of a request that a generation is not ready for."""
    return Refused(Refusal(ERROR_REASON_GENERATION_NOT_READY, message))
