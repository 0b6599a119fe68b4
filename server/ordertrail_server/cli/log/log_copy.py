"""Copies a log into another: the same bytes in the same order, so chains and digests stay.

Records that the target already holds are compared with the source. They are kept if they are the source's beginning. So
copying again completes a copy that was killed half-way, and updates a backup.
"""

from collections.abc import Callable
from itertools import zip_longest
from typing import NamedTuple, Protocol

from ordertrail_server.log.port import AppendLog, Entry, Logged, LogRefused

BATCH = 1000

ReportProgress = Callable[[int, int], None]


class Source(Protocol):
    """The source of a copy: a log, or a log without its foreign messages."""

    @property
    def partitions(self) -> int:
        """The number of partitions."""

    async def end(self, partition: int) -> int:
        """Return the offset that the partition's next record will get."""

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        """Return up to `limit` records from `offset` on, in order. An empty list means the end of the partition."""


class CopyRefused(LogRefused):
    """The target is not a valid target, or differs from the source. The message says why, and what to do."""


class CopyResult(NamedTuple):
    """The number of records in the copy, all verified, and how many of them the target had before."""

    records: int
    already_there: int


class _CommonPrefix(NamedTuple):
    """The common beginning of source and target: the next offset in each, and the number of records."""

    source: int
    target: int
    records: int


async def copy(source: Source, target: AppendLog, report_progress: ReportProgress = lambda _, __: None) -> CopyResult:
    """Copy everything that was in the source at the start into the target, and verify every record.

    Both must have equal partition counts. No other process may write to the target. `report_progress` gets the number
    of records read so far, and the total including the verification. Raises CopyRefused, and the errors of the logs.
    """
    if source.partitions != target.partitions:
        raise CopyRefused(
            f"The log has {_describe_partitions(source)}, but the target has {_describe_partitions(target)}, so orders "
            f"would be looked up in the wrong partition. Use a target with {_describe_partitions(source)}."
        )
    ends = [await source.end(partition) for partition in range(source.partitions)]
    progress = _Progress(report_progress, 2 * sum(ends))
    prefixes = [await _compare(source, target, partition, progress) for partition in range(source.partitions)]
    for partition, (end, prefix) in enumerate(zip(ends, prefixes, strict=True)):
        await _append(source, target, partition, prefix, end, progress)
    copies = [await _compare(source, target, partition, progress) for partition in range(source.partitions)]
    for partition, (end, partition_copy) in enumerate(zip(ends, copies, strict=True)):
        if await _read(source, partition, partition_copy.source, 1, end):
            raise CopyRefused(
                f"Partition {partition} of the copy ends before offset {partition_copy.target + 1}: copy again."
            )
    return CopyResult(
        sum(partition_copy.records for partition_copy in copies),
        sum(prefix.records for prefix in prefixes),
    )


async def copy_commands(
    source: Source | None, target: AppendLog | None, report_progress: ReportProgress = lambda _, __: None
) -> CopyResult:
    """Copy submitted commands as `copy` does. If there are none, the target need not exist."""
    if source is None or not any([await source.end(partition) for partition in range(source.partitions)]):
        return CopyResult(0, 0)
    if target is None:
        raise CopyRefused(
            "The log has submitted commands, but the topic for them does not exist. Create it (ordertrail topics "
            "create), then copy again."
        )
    return await copy(source, target, report_progress)


async def _compare(source: Source, target: AppendLog, partition: int, progress: "_Progress") -> _CommonPrefix:
    """Return the common beginning. Raises CopyRefused if the target holds anything else."""
    source_offset, target_offset, count = 0, 0, 0
    while target_records := await target.read(partition, target_offset, BATCH):
        source_records = await _read(source, partition, source_offset, len(target_records))
        for record, original in zip_longest(target_records, source_records):
            if original is None or (original.key, original.digest) != (record.key, record.digest):
                raise CopyRefused(
                    f"At partition {partition}, offset {record.offset} the target holds another record than the log: "
                    "it is neither empty nor the beginning of a copy of this log. Use an empty target."
                )
        source_offset, target_offset = source_records[-1].offset + 1, target_records[-1].offset + 1
        count += len(target_records)
        progress.add(len(target_records))
    return _CommonPrefix(source_offset, target_offset, count)


async def _append(
    source: Source, target: AppendLog, partition: int, prefix: _CommonPrefix, end: int, progress: "_Progress"
) -> None:
    source_offset, target_offset, _ = prefix
    while records := await _read(source, partition, source_offset, BATCH, end):
        offsets = await target.append(partition, [Entry(record.key, record.value) for record in records])
        if offsets != [*range(target_offset, target_offset + len(records))]:
            raise CopyRefused(
                f"Another process writes to partition {partition} of the target: records that were copied for "
                f"offset {target_offset} were appended at offset {offsets[0]}. Empty the target, and copy again."
            )
        source_offset, target_offset = records[-1].offset + 1, target_offset + len(records)
        progress.add(len(records))


async def _read(log: Source, partition: int, offset: int, count: int, end: int | None = None) -> list[Logged]:
    """Return up to `count` records from `offset` on, only those before `end` if it is given."""
    records: list[Logged] = []
    while len(records) < count and (batch := await log.read(partition, offset, count - len(records))):
        records += batch if end is None else [record for record in batch if record.offset < end]
        offset = batch[-1].offset + 1
        if end is not None and offset >= end:
            break
    return records


def _describe_partitions(log: Source) -> str:
    return "1 partition" if log.partitions == 1 else f"{log.partitions} partitions"


class _Progress:
    def __init__(self, report_progress: ReportProgress, total: int) -> None:
        self._report_progress, self._total, self._done = report_progress, total, 0

    def add(self, count: int) -> None:
        self._done += count
        self._report_progress(self._done, self._total)
