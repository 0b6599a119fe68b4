"""Data directories with records, submitted commands and a subscription, and their backups."""

import os
from pathlib import Path

from tests.log.contract import build_entries
from tests.projections.log_builder import build_many_orders
from tests.subscriptions.state_records import record

from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.backup.backup import write_backup
from ordertrail_server.backup.restore import RestoreReport, restore
from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Logged
from ordertrail_server.subscriptions.changes import Change, Created, Done, Saved
from ordertrail_server.subscriptions.definition import Definition
from ordertrail_server.subscriptions.embedded_state_log import EmbeddedStateLog
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.state_record import UNCLAIMED

ORDERS = 20
RECORDS, COMMANDS = 3 * ORDERS, 4
UID = "uid-1"


async def create_data_directory(path: Path, orders: int = ORDERS) -> DataDirectory:
    """Create a directory with the records of some orders, COMMANDS submitted commands and a subscription."""
    log = open_to_serve(path)
    await log.append(0, build_many_orders(orders))
    assert log.commands is not None
    await log.commands.append(0, build_entries(COMMANDS))
    await log.close()
    await subscribe(DataDirectory(path), log.identity)
    return DataDirectory(path)


async def subscribe(data: DataDirectory, log_id: bytes, saved: int = 5) -> None:
    """Create a subscription that has done the events before the offset `saved`."""
    definition = Definition(UID, "mails", EventFilter(EVERYTHING), "beginning", 17, log_id)
    created = Created(definition.to_json(), [0])
    await change_subscription(data, created, Saved(0, saved), Done("order-9", saved + 2))


async def change_subscription(data: DataDirectory, *changes: Change) -> None:
    """Append changes to the state of the subscription."""
    states = await EmbeddedStateLog.open(data.subscriptions)
    await states.append([record(UNCLAIMED, *changes, uid=UID)])
    await states.close()


async def back_up(data: DataDirectory, name: str = "sample.backup") -> Path:
    """Back up a data directory into a file beside it."""
    file = data.path.with_name(name)
    await write_backup(data, file)
    return file


async def back_up_and_restore(data: DataDirectory, name: str) -> tuple[DataDirectory, RestoreReport]:
    """Back up a data directory, and restore it as another one beside it."""
    file = await back_up(data, f"{name}.backup")
    restored = DataDirectory(data.path.with_name(name))
    return restored, await restore(file, restored.path)


async def append_orders(data: DataDirectory, orders: int) -> None:
    """Append 3 records for each of some orders to the log of a data directory that no process serves."""
    log = open_to_serve(data.path)
    await log.append(0, build_many_orders(orders))
    await log.close()


async def read_log(data: DataDirectory) -> tuple[list[Logged], list[Logged]]:
    """Return all records and all submitted commands of a data directory."""
    log = EmbeddedLog.follow(data.path)
    try:
        assert log.commands is not None
        return await log.read(0, 0, 10_000), await log.commands.read(0, 0, 10_000)
    finally:
        await log.close()


async def read_identity(directory: Path) -> bytes:
    """Return the identity of the log in a directory."""
    log = EmbeddedLog.follow(directory)
    await log.close()
    return log.identity


async def read_subscription(data: DataDirectory) -> SubscriptionState:
    """Return the state of the only subscription."""
    states = await EmbeddedStateLog.open(data.subscriptions)
    try:
        state = SubscriptionState()
        for state_record in await states.read():
            assert state.fold(state_record)
        return state
    finally:
        await states.close()


def list_names(directory: Path) -> set[str]:
    """Return the names of the files in a directory."""
    return set(os.listdir(directory))
