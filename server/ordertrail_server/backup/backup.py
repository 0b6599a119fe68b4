"""Writes a backup beside the process that serves the data directory.

The subscriptions are copied first, so that no position of theirs is beyond the log. The log is copied in short reads up
to ends that are fixed before, because a record is never changed. So the writer never waits, and its -wal file can be
emptied at any time.
"""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ordertrail_server.backup.backup_content import BackupContent
from ordertrail_server.backup.backup_error import BackupRefused
from ordertrail_server.backup.backup_schema import APPLICATION_ID, BACKUP_TABLES, FORMAT
from ordertrail_server.backup.new_file import create_new_file
from ordertrail_server.backup.subscription_backup import copy_state_records
from ordertrail_server.backup.verification import BATCH, ReportProgress, verify_backup
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.file import Description, write_schema
from ordertrail_server.log.embedded.follower import EmbeddedFollower
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.embedded.predecessors import CutLog
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.port import AppendLog
from ordertrail_server.log.position import LogPosition
from ordertrail_server.storage.bulk_insert import insert_rows
from ordertrail_server.storage.checked.archive import create_archive
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.transaction import execute_statements, transaction


async def write_backup(
    data: DataDirectory, target: Path, report_progress: ReportProgress = lambda _, __: None
) -> BackupContent:
    """Write a new file with the log and the subscriptions of a data directory, and verify it.

    Raises BackupRefused if the log has no records or the target exists, DataDirectoryRefused if there is no log, and
    the errors of the log. Then there is no file.
    """
    log = EmbeddedLog.follow(data.path)
    try:
        with create_new_file(target) as partial:
            with closing(create_archive(partial)) as archive:
                await _fill(archive, log, data, report_progress)
            return await verify_backup(partial, report_progress)
    finally:
        await log.close()


async def _fill(
    archive: CheckedConnection, log: EmbeddedFollower, data: DataDirectory, report_progress: ReportProgress
) -> None:
    with transaction(archive):
        rows = [row for predecessor in _read_predecessors(log) for row in predecessor.to_rows()]
        write_schema(archive, Description(log.identity, log.partitions), rows)
        execute_statements(archive, BACKUP_TABLES)
        state_count = copy_state_records(data.subscriptions, archive)
    # The command of an outcome is older than the outcome, so the ends of the commands are read last.
    ends = {Table.RECORDS: await _read_ends(log), Table.COMMANDS: await _read_ends(log.commands)}
    counts = {table: sum(table_ends) for table, table_ends in ends.items()}
    if not counts[Table.RECORDS]:
        raise BackupRefused(f"{data.log} holds no records, so there is nothing to back up.")
    await _copy(archive, Table.RECORDS, log, ends[Table.RECORDS], report_progress)
    await _copy(archive, Table.COMMANDS, log.commands, ends[Table.COMMANDS])
    with transaction(archive):
        created_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        archive.execute("INSERT INTO backup VALUES (?, ?, ?, ?)", (created_at, *counts.values(), state_count))
        archive.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        archive.execute(f"PRAGMA user_version = {FORMAT}")


def _read_predecessors(log: EmbeddedFollower) -> list[CutLog]:
    if log.commands is None:  # of format 1, which no restore has written
        return []
    pairs = zip(log.lineage.predecessors, log.commands.lineage.predecessors, strict=True)
    return [CutLog(records.identity, records.ends, commands.ends) for records, commands in pairs]


async def _read_ends(log: AppendLog | None) -> list[int]:
    return [] if log is None else [await log.end(partition) for partition in range(log.partitions)]


async def _copy(
    archive: CheckedConnection,
    table: Table,
    log: AppendLog | None,
    ends: list[int],
    report_progress: ReportProgress = lambda _, __: None,
) -> None:
    """Copy the records before the ends, each one verified."""
    done = 0
    for partition, end in enumerate(ends):
        offset = 0
        while offset < end and log is not None:
            records = await log.read(partition, offset, min(BATCH, end - offset))
            packed = LogPosition(partition, 0).pack()
            rows = [(packed + record.offset, record.key, record.value, record.digest) for record in records]
            with transaction(archive):
                insert_rows(archive, f"INSERT INTO {table}", rows)
            offset, done = offset + len(records), done + len(records)
            report_progress(done, sum(ends))
