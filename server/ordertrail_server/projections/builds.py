"""The generations of a server that are not live: those that are built, and those that are brought up to date."""

import asyncio
from pathlib import Path

from ordertrail_server.log.source import LogSource
from ordertrail_server.projections.build import Build
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import Generation
from ordertrail_server.projections.supervisor import OnDamage


class Builds:
    """The builds of one server, each in a process of its own. For one event loop."""

    def __init__(self, source: LogSource, directory: Path, on_damage: OnDamage, grace_s: float) -> None:
        self._source, self._directory, self._on_damage, self._grace_s = source, directory, on_damage, grace_s
        self._builds: dict[Generation, Build] = {}

    def __contains__(self, generation: Generation) -> bool:
        return generation in self._builds

    def get(self, generation: Generation) -> Build | None:
        """Return the build of a generation, None if there is none."""
        return self._builds.get(generation)

    def generations(self) -> list[Generation]:
        """Return the generations that have a build."""
        return list(self._builds)

    def find_new(self, name: str) -> Generation | None:
        """Return the new generation of a projection that is being built, None if there is none."""
        builds = self._builds.items()
        running = (generation for generation, build in builds if build.is_new and build.is_running)
        return next((generation for generation in running if generation.name == name), None)

    def new_folded_counts(self) -> dict[str, int]:
        """Return how many records the new generation of each projection includes that is being built."""
        return {generation.name: build.folded_count for generation, build in self._builds.items() if build.is_new}

    def list_readiness(self, end: int) -> dict[Generation, bool]:
        """Return whether each running build is complete and near the end of the log, which has `end` records."""
        return {generation: build.is_ready(end) for generation, build in self._builds.items() if build.is_running}

    def describe_failure(self, name: str) -> str:
        """Return why the build of a projection stopped or was restarted, else an empty text."""
        for generation, build in self._builds.items():
            reason = build.process.failure or build.process.restart_reason
            if generation.name == name and reason:
                return f"generation {generation.number}: {reason}"
        return ""

    async def begin(self, generation: Generation, *, is_new: bool) -> Build:
        """Begin to build a generation, or to bring it up to date. Raises OSError if no process can be started."""
        build = Build(self._source, self._directory, generation, self._on_damage, is_new=is_new)
        self._builds[generation] = build
        try:
            await build.process.start()
        except BaseException:  # nothing would ever continue it
            self._builds.pop(generation, None)
            raise
        return build

    async def end(self, generation: Generation) -> bool:
        """End the build of a generation; return whether there was one. Its file is kept."""
        build = self._builds.pop(generation, None)
        if build is not None:
            await build.process.stop(self._grace_s)
        return build is not None

    async def restart_all(self) -> None:
        """Restart all builds, because the live generation of `orders`, whose verdicts they read, is another one."""
        for generation, build in list(self._builds.items()):
            await build.process.stop(self._grace_s)
            await self.begin(generation, is_new=build.is_new)

    async def retry(self, order_id: str) -> None:
        """Fold a parked order's waiting facts again in new generations of `orders`. Raises Refused (UNAVAILABLE)."""
        for generation, build in list(self._builds.items()):
            if generation.name == ORDERS:  # it judges the log itself, and has parked the order, too
                await build.process.request(retry=order_id)
        self.wake()

    def wake(self) -> None:
        """Wake the builds, because there is more to fold."""
        for build in self._builds.values():
            build.process.notify_growth()

    def expect_stop(self) -> None:
        """Do not warn if a process ends from now on."""
        for build in self._builds.values():
            build.process.expect_stop()

    async def stop(self) -> None:
        """Let the processes finish their batches; both that and killing them is safe."""
        await asyncio.gather(*(build.process.stop(self._grace_s) for build in self._builds.values()))
