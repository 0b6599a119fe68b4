"""Restores a backup: builds a data directory with a log that has a new identity and continues the one of the backup."""

from asyncio import sleep
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from ordertrail_server.backup.backup_content import BackupContent
from ordertrail_server.backup.backup_file import open_backup
from ordertrail_server.backup.directory_switch import build_directory, switch_directories
from ordertrail_server.backup.subscription_backup import fold_subscriptions, read_state_records
from ordertrail_server.backup.verification import ReportProgress, read_batches, verify_backup
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.file import create_file
from ordertrail_server.log.embedded.predecessors import create_identity
from ordertrail_server.log.embedded.records import Table
from ordertrail_server.log.port import Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.storage.bulk_insert import insert_rows
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.checkpoint import checkpoint
from ordertrail_server.storage.connection import Connection, connect_writer
from ordertrail_server.storage.transaction import transaction
from ordertrail_server.subscriptions.changes import Continued
from ordertrail_server.subscriptions.embedded_state_log import EmbeddedStateLog
from ordertrail_server.subscriptions.state_record import StateRecord


class RestoreReport(NamedTuple):
    """What was restored, the identity of the new log, and where the old directory is kept; None if there was none."""

    content: BackupContent
    log_id: bytes
    former_directory: Path | None


async def restore(file: Path, directory: Path, report_progress: ReportProgress = lambda _, __: None) -> RestoreReport:
    """Put a data directory with the content of a backup in the place of `directory`, which no process may use.

    Raises BackupRefused, BackupDamaged, DataDirectoryBusy, LogUnavailable, sqlite3.Error, OSError. Then `directory` is
    what it was.
    """
    content = await verify_backup(file, report_progress)
    with build_directory(directory) as new:
        with open_backup(file) as backup:
            log_id = await _build_log(backup, content, DataDirectory(new), report_progress)
            await _build_subscriptions(read_state_records(backup), content.log.identity, log_id, DataDirectory(new))
        return RestoreReport(content, log_id, switch_directories(new, directory))


async def _build_log(
    backup: CheckedConnection, content: BackupContent, data: DataDirectory, report_progress: ReportProgress
) -> bytes:
    """Create the log, and return its identity."""
    predecessors = (*content.predecessors, content.log)
    log_id, partitions = create_identity(predecessors), len(content.log.records_ends)
    rows = [row for predecessor in predecessors for row in predecessor.to_rows()]
    create_file(data.path, partitions, log_id, rows)
    with closing(connect_writer(data.log)) as connection:
        done = 0
        for table in Table:
            for partition in range(partitions):
                for records in read_batches(backup, table, partition, partitions):
                    _insert(connection, table, partition, records)
                    done += len(records)
                    report_progress(done, content.record_count + content.command_count)
                    await sleep(0)
        checkpoint(connection)
    return log_id


def _insert(connection: Connection, table: Table, partition: int, records: Sequence[Logged]) -> None:
    first = LogPosition(partition, 0).pack()
    with transaction(connection):
        insert_rows(connection, f"INSERT INTO {table}", [(first + offset, *row) for offset, *row in records])


async def _build_subscriptions(
    records: list[StateRecord], old_log_id: bytes, new_log_id: bytes, data: DataDirectory
) -> None:
    """Create the file of the subscriptions. The positions of the old log are of the new log from now on."""
    if not records:
        return
    change = Continued(new_log_id.hex())
    states = {uid: state for uid, state in fold_subscriptions(records).items() if state.log_id == old_log_id}
    continued = [StateRecord(uid, state.claim, (change,)) for uid, state in states.items()]
    log = await EmbeddedStateLog.open(data.subscriptions)
    try:
        await log.append([*records, *continued])
    finally:
        await log.close()
