"""`ordertrail tail --group`: several processes share a topic's partitions, and each prints its own."""

import asyncio
from collections.abc import Mapping
from functools import partial

import click

from ordertrail_server.cli.group_member import GroupMember
from ordertrail_server.cli.partition_tail import PartitionTail, Show, cancel_tasks, retry_until_available
from ordertrail_server.facts.partition_fold import PartitionFold
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.port import Log, LogRefused


class GroupTail:
    """One member of the group. It keeps the fold of a partition in case the partition is assigned to it again."""

    def __init__(self, log: Log, settings: Settings, group: str, show: Show) -> None:
        self._log, self._settings, self._group, self._show = log, settings, group, show
        self._folds: dict[int, PartitionFold] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Print until cancelled. Raises LogRefused, LogUnavailable, LogDamaged."""
        member = GroupMember(self._settings, self._log.topic, self._group, self._on_assigned, self._on_revoked)
        self._member = member
        try:
            while True:
                await member.poll()
                for task in self._tasks:
                    if task.done():
                        task.result()
        finally:
            await self._on_revoked()
            await member.leave()

    async def _on_assigned(self, offsets: Mapping[int, int]) -> None:
        names = ", ".join(map(str, sorted(offsets))) or "none"
        click.echo(f"partitions of this member of {self._group}: {names}", err=True)
        self._tasks.extend(asyncio.create_task(self._print(*position)) for position in offsets.items())

    async def _on_revoked(self) -> None:
        await cancel_tasks(self._tasks)
        self._tasks = [task for task in self._tasks if task.done() and not task.cancelled()]

    async def _print(self, partition: int, offset: int) -> None:
        end = await retry_until_available(partial(self._log.end, partition))
        if offset > end:
            raise LogRefused(
                f"The group {self._group} has committed offset {offset} of partition {partition}, which ends at {end}: "
                "the group read an earlier topic of this name. Use another group."
            )

        def report_progress(next_offset: int) -> None:
            self._member.processed[partition] = next_offset

        tail = PartitionTail(self._log, partition, self._show, self._find_fold(partition, offset), report_progress)
        await tail.run(offset, follow=True)

    def _find_fold(self, partition: int, offset: int) -> PartitionFold:
        """Return a fold at or before the offset. A fold from an earlier assignment may be beyond it."""
        fold = self._folds.get(partition)
        if fold is None or fold.offset > offset:
            fold = self._folds[partition] = PartitionFold(partition, self._log.partitions)
        return fold
