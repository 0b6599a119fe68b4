"""Repairs damaged projections: builds each one again from the log, and promotes the new generation.

A damaged generation is still read until then, because each page is verified: what can be read is right. It is removed
afterwards, because all that it holds is in the log.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import (
    Generation,
    current_generation,
    find_generation,
    settle_live_generation,
)
from ordertrail_server.storage.database_file import remove_database
from ordertrail_server.storage.sqlite import sqlite3

CHECK_SECONDS = 0.2
RETRY_SECONDS = 10.0
"""The pause before a build that has failed begins again."""

_log = logging.getLogger(__name__)


class RepairedHost(Protocol):
    """What a repair needs of ProjectionHost."""

    async def rebuild(self, name: str) -> Generation:
        """Begin to build a new generation."""

    async def is_ready(self, generation: Generation) -> bool:
        """Return whether a build can be promoted."""

    async def promote(self, name: str, number: int) -> Generation:
        """Make a generation the live one."""

    async def drop(self, generation: Generation) -> None:
        """Remove a generation that is not live."""

    async def restart_build(self, generation: Generation) -> None:
        """Begin a build from the first record again."""

    def find_build(self, name: str) -> Generation | None:
        """Return the build of a new generation that runs."""

    def is_building(self, generation: Generation) -> bool:
        """Return whether a generation is built or brought up to date."""

    def is_switching(self, name: str) -> bool:
        """Return whether queries still read the generation before the live one."""


class Repair:
    """Repairs the generations of one directory. For one event loop."""

    def __init__(self, host: RepairedHost, directory: Path) -> None:
        self._host, self._directory = host, directory
        self._damaged: list[Generation] = []
        self._has_damage = asyncio.Event()
        self._retry_at: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        """How often each projection was repaired since the start of the server."""

    def remove_damaged(self, files: Sequence[Path], names: Sequence[str]) -> None:
        """Remove damaged files before any process opens them, and decide which generations are live without them."""
        for file in files:
            generation = self._find_own_generation(file)
            if generation is not None and generation.name in names:
                _log.error("%s was damaged and has been removed", file)
                self.counts[generation.name] += generation == current_generation(self._directory, generation.name)
                remove_database(file)
        for name in names:
            with suppress(OperatorError):  # the package of a projection is broken
                settle_live_generation(self._directory, name)

    def note_damage(self, file: Path, damage: str) -> None:
        """Repair the generation of a file, if this release uses it. Logs only the first damage of a file."""
        generation = self._find_own_generation(file)
        if generation is None or generation in self._damaged or not self._is_used(generation):
            return
        _log.error("%s is damaged (%s) and is built again from the log", file, damage)
        self._damaged.append(generation)
        self._has_damage.set()

    def _is_used(self, generation: Generation) -> bool:
        """Return whether a generation has a file, or should have one: somebody may have removed it."""
        is_live = generation == current_generation(self._directory, generation.name)
        return is_live or self._host.is_building(generation) or generation.file(self._directory).exists()

    def _find_own_generation(self, file: Path) -> Generation | None:
        """Return the generation of a file if it is one of this release."""
        generation = find_generation(file)
        if generation is None:
            return None
        try:
            current = current_generation(self._directory, generation.name)
        except OperatorError:  # another release has the projection, or its package is broken
            return None
        return generation if generation.definition == current.definition else None

    async def run(self) -> None:
        """Repair for ever."""
        while True:
            await self._has_damage.wait()
            for generation in list(self._damaged):
                try:
                    await self._continue(generation)
                except (Refused, LogUnavailable, OSError, sqlite3.Error) as error:
                    _log.warning("the repair of %s is tried again: %s", generation.name, error)
                    await asyncio.sleep(1.0)
            await asyncio.sleep(CHECK_SECONDS)

    async def _continue(self, damaged: Generation) -> None:
        """Take the next step in the repair of a generation."""
        if damaged == current_generation(self._directory, damaged.name):
            await self._replace_live(damaged)
        elif self._host.is_building(damaged):
            await self._host.restart_build(damaged)
            self._forget(damaged)
        elif not self._host.is_switching(damaged.name):
            if damaged.file(self._directory).exists():
                await self._host.drop(damaged)
            remove_database(damaged.file(self._directory))  # what is left if its file was removed
            self._forget(damaged)

    async def _replace_live(self, damaged: Generation) -> None:
        name = damaged.name
        if name != ORDERS and current_generation(self._directory, ORDERS) in self._damaged:
            return  # its build needs the verdicts of `orders`
        build = self._host.find_build(name)
        if build is None:
            await self._begin_build(name)
        elif await self._host.is_ready(build):
            await self._host.promote(name, build.number)
            self._retry_at.pop(name, None)
            self.counts[name] += 1
            _log.warning("%s was built again and is answered from generation %s", name, build.number)

    async def _begin_build(self, name: str) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._retry_at.get(name, 0.0):
            self._retry_at[name] = now + RETRY_SECONDS
            await self._host.rebuild(name)

    def _forget(self, generation: Generation) -> None:
        self._damaged.remove(generation)
        if not self._damaged:
            self._has_damage.clear()
