"""The state records of subscriptions in a backup."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from ordertrail_server.backup.backup_error import BackupDamaged, BackupRefused
from ordertrail_server.log.embedded.predecessors import CutLog
from ordertrail_server.log.embedded.records import read_records
from ordertrail_server.log.position import LogPosition
from ordertrail_server.storage.checked.connection import connect_checked_reader
from ordertrail_server.storage.checked.cursor import CheckedConnection
from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.storage.sqlite_error import is_damage
from ordertrail_server.storage.transaction import read_transaction
from ordertrail_server.subscriptions.embedded_state_log import FORMAT, INSERT
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import StateRecord

READ = "SELECT uid, record FROM state_records ORDER BY number"
ROWS = 100


def copy_state_records(path: Path, target: CheckedConnection) -> int:
    """Copy the state records of a server's file, as of one commit, and return their number. There may be no file.

    Raises BackupRefused if the file cannot be read.
    """
    if not path.exists():
        return 0
    try:
        with closing(connect_checked_reader(path)) as connection:
            return _copy_rows(connection, target)
    except sqlite3.Error as error:
        advice = "see `ordertrail serve` for what to do" if is_damage(error) else "run as the user that serves it"
        raise BackupRefused(f"{path} cannot be read ({error}): {advice}.") from error


def _copy_rows(connection: CheckedConnection, target: CheckedConnection) -> int:
    count = 0
    [stored_format] = connection.execute("PRAGMA user_version").fetchone()
    if stored_format == 0:  # its server was killed before it created the table
        return 0
    if stored_format != FORMAT:
        raise BackupRefused(f"The subscriptions have format {stored_format}, not {FORMAT}: use the server's release.")
    with read_transaction(connection):
        cursor = connection.execute(READ)
        while rows := cursor.fetchmany(ROWS):
            target.executemany(INSERT, rows)
            count += len(rows)
    return count


def read_state_records(connection: CheckedConnection) -> list[StateRecord]:
    """Return the state records of a backup. Raises BackupDamaged for one that cannot be read."""
    try:
        return [StateRecord.from_text(uid, text) for uid, text in connection.execute(READ)]
    except (ValueError, KeyError, TypeError) as error:
        raise BackupDamaged(
            f"{connection.path} holds a record of a subscription that this release cannot read ({error!r}): use the "
            "release that wrote it, or a newer one."
        ) from error


def fold_subscriptions(records: Sequence[StateRecord]) -> dict[str, SubscriptionState]:
    """Return the states of all subscriptions that exist, by the id of the subscription."""
    states: dict[str, SubscriptionState] = {}
    for record in records:
        states.setdefault(record.uid, SubscriptionState()).fold(record)
    return {uid: state for uid, state in states.items() if state.definition is not None and not state.is_deleted}


def fits_log(connection: CheckedConnection, state: SubscriptionState, log: CutLog) -> bool:
    """Return whether the log of a backup has the positions of a subscription, and the records before them.

    A subscription that has stopped, or whose positions are of another log, goes nowhere, so it fits. Raises LogDamaged.
    """
    if state.stop_reason or state.log_id != log.identity:
        return True
    return not _is_beyond(state, log.records_ends) and all(
        [record.digest.hex() for record in read_records(connection, partition, offset, 1, len(log.records_ends))]
        == [digest]
        for partition, offset, digest in state.witnesses.values()
    )


def _is_beyond(state: SubscriptionState, ends: Sequence[int]) -> bool:
    done = (LogPosition.unpack(order.done) for order in state.orders.values() if order.done >= 0)
    return any(saved > end for saved, end in zip(state.saved, ends, strict=True)) or any(
        offset >= ends[partition] for partition, offset in done
    )
