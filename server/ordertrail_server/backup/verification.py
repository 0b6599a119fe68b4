"""Verifies a backup: every page, every digest, and every chain by the one fold."""

from asyncio import sleep
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ordertrail_server.backup.backup_content import BackupContent, ChainFault
from ordertrail_server.backup.backup_error import BackupDamaged, BackupRefused
from ordertrail_server.backup.backup_file import open_backup
from ordertrail_server.backup.subscription_backup import fits_log, fold_subscriptions, read_state_records
from ordertrail_server.facts.partition_fold import PartitionFold
from ordertrail_server.log.embedded.file import read_description
from ordertrail_server.log.embedded.predecessors import CutLog, read_predecessors
from ordertrail_server.log.embedded.records import Table, read_end, read_records, refuse_stray_records
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import Verdict
from ordertrail_server.storage.checked.archive import verify_pages
from ordertrail_server.storage.checked.cursor import CheckedConnection

BATCH = 1_000
FAULTS = (Verdict.BROKEN.value, Verdict.FOREIGN.value)
ReportProgress = Callable[[int, int | None], None]


async def verify_backup(path: Path, report_progress: ReportProgress = lambda _, __: None) -> BackupContent:
    """Read and verify a backup. `report_progress` gets the number of records that are read, and their total.

    Cancelling ends it after the current batch. Raises BackupDamaged, and BackupRefused if it has no records.
    """
    with open_backup(path) as connection:
        verify_pages(connection)
        created_at, log, subscription_count = _check_counts(connection)
        faults = await _judge_records(connection, log, report_progress)
        for partition in range(len(log.commands_ends)):
            for _ in read_batches(connection, Table.COMMANDS, partition, len(log.commands_ends)):
                await sleep(0)
        predecessors = read_predecessors(connection)
    return BackupContent(created_at, log, predecessors, subscription_count, *faults)


async def _judge_records(
    connection: CheckedConnection, log: CutLog, report_progress: ReportProgress
) -> tuple[int, ChainFault | None]:
    """Verify and judge all records. Return how many break a chain, and the first of them."""
    fault_count, fault, done = 0, None, 0
    for partition in range(len(log.records_ends)):
        fold = PartitionFold(partition, len(log.records_ends))
        for records in read_batches(connection, Table.RECORDS, partition, len(log.records_ends)):
            faults = list(_find_faults(fold, partition, records))
            fault, fault_count = fault or next(iter(faults), None), fault_count + len(faults)
            done += len(records)
            report_progress(done, sum(log.records_ends))
            await sleep(0)
    return fault_count, fault


def read_batches(
    connection: CheckedConnection, table: Table, partition: int, partitions: int
) -> Iterator[Sequence[Logged]]:
    """Yield the records of a partition, each one verified. Raises LogDamaged."""
    offset = 0
    while records := read_records(connection, partition, offset, BATCH, partitions, table):
        yield records
        offset += len(records)


def _check_counts(connection: CheckedConnection) -> tuple[str, CutLog, int]:
    """Return when the backup was made, its log, and the number of its subscriptions."""
    row = connection.execute("SELECT created_at, records, commands, state_records FROM backup").fetchone()
    if row is None:
        raise BackupDamaged(f"{connection.path} is incomplete: its backup did not end. Use another backup.")
    identity, partitions, *_ = read_description(connection)
    for table in Table:
        refuse_stray_records(connection, partitions, table)
    records, commands = (tuple(read_end(connection, number, table) for number in range(partitions)) for table in Table)
    log, states = CutLog(identity, records, commands), read_state_records(connection)
    created_at, *counts = row
    if counts != [sum(records), sum(commands), len(states)]:
        raise BackupDamaged(f"{connection.path} is damaged: it lacks a part of what was backed up. Use another backup.")
    if not sum(records):
        raise BackupRefused(f"{connection.path} holds no records, so there is nothing to verify or restore.")
    subscriptions = fold_subscriptions(states)
    if not all(fits_log(connection, state, log) for state in subscriptions.values()):
        raise BackupDamaged(
            f"{connection.path} is damaged: a subscription has done events that the log does not have. Use another "
            "backup. If the data directory is damaged like this, its server stops the subscription at its next start."
        )
    return created_at, log, len(subscriptions)


def _find_faults(fold: PartitionFold, partition: int, records: Sequence[Logged]) -> Iterator[ChainFault]:
    for record in records:
        judged = fold.judge(record)
        if judged.verdict in FAULTS:
            yield ChainFault(partition, record.offset, judged.fault)
