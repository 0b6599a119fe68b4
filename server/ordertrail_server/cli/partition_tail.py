"""Prints partitions of a log, record by record."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import click

from ordertrail_server.facts.partition_fold import JudgedRecord, PartitionFold, read_without_verdict
from ordertrail_server.log.port import Log, Logged, LogUnavailable

T = TypeVar("T")

BATCH = 500
RETRY_SECONDS = 1.0

Show = Callable[[str, int, Logged, JudgedRecord], str]


class PartitionTail(NamedTuple):
    """Prints one partition. With a fold, each record has its verdict; earlier records are folded, not printed."""

    log: Log
    partition: int
    show: Show
    fold: PartitionFold | None = None
    report_progress: Callable[[int], None] = lambda _: None
    """Called regularly with the offset before which all records are printed."""

    async def run(self, begin: int, *, follow: bool) -> None:
        """Print all records from offset `begin` on. With `follow`, continue for ever, and retry an unavailable log."""
        next_offset = begin if self.fold is None else self.fold.offset
        while True:
            read = partial(self.log.read, self.partition, next_offset, BATCH)
            if records := await (retry_until_available(read) if follow else read()):
                self._print(records, begin)
                next_offset = records[-1].offset + 1
            elif follow:
                await retry_until_available(partial(self.log.wait, self.partition, next_offset))
            else:
                return

    def _print(self, records: list[Logged], begin: int) -> None:
        judge = read_without_verdict if self.fold is None else self.fold.judge
        for record in records:
            judged = judge(record)
            if record.offset >= begin:
                click.echo(self.show(self.log.topic, self.partition, record, judged))
        if records[-1].offset >= begin:
            self.report_progress(records[-1].offset + 1)


async def retry_until_available(query: Callable[[], Awaitable[T]]) -> T:
    """Repeat a query until the log is available, and return the result."""
    while True:
        try:
            return await query()
        except LogUnavailable as error:
            click.echo(f"{error}; retrying", err=True)
            await asyncio.sleep(RETRY_SECONDS)


async def run_concurrently(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Run all coroutines concurrently. If one fails, cancel the others and raise its error."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await cancel_tasks(tasks)


async def cancel_tasks(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks and return when they have ended."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
