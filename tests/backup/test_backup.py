"""Given a data directory, when it is backed up, then one file has all of it, or there is no file."""

import asyncio
import os
from contextlib import closing
from errno import ENOSPC
from fcntl import LOCK_EX, flock
from pathlib import Path
from stat import S_IMODE

import pytest
from tests.backup.sample_directory import (
    COMMANDS,
    ORDERS,
    RECORDS,
    append_orders,
    back_up,
    change_subscription,
    create_data_directory,
    list_names,
    read_log,
)
from tests.e2e.parked import PARKED, build_parked_log
from tests.log.embedded.format_1 import create_format_1
from tests.projections.log_builder import build_many_orders

from ordertrail_server.backup.backup import write_backup
from ordertrail_server.backup.backup_error import BackupDamaged, BackupRefused
from ordertrail_server.backup.verification import verify_backup
from ordertrail_server.log.data_directory import DataDirectory, open_to_serve
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.lock import DataDirectoryRefused
from ordertrail_server.subscriptions.changes import Change, Done, Saved, Stopped, Witnessed


async def test_backup_counts_what_it_has_verified(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    content = await write_backup(data, tmp_path / "backup")
    assert (content.record_count, content.command_count, content.subscription_count) == (RECORDS, COMMANDS, 1)
    assert content.fault is None
    assert await verify_backup(tmp_path / "backup") == content


async def test_only_the_owner_can_read_a_backup_and_nothing_is_beside_it(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        file = await back_up(await create_data_directory(tmp_path / "data"))
    finally:
        os.umask(umask)
    assert S_IMODE(file.stat().st_mode) == 0o600
    assert list_names(tmp_path) == {"data", file.name}


async def test_backup_of_a_served_log_ends_although_the_log_grows(tmp_path: Path) -> None:
    """The writer appends between any two reads of the backup."""
    data = await create_data_directory(tmp_path / "data", orders=1_000)
    log = open_to_serve(data.path)

    async def append_steadily() -> None:
        while True:
            await log.append(0, build_many_orders(10))

    writer = asyncio.create_task(append_steadily())
    content = await write_backup(data, tmp_path / "backup")
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    end = await log.end(0)
    await log.close()
    assert 3_000 <= content.record_count < end


async def test_log_without_records_is_refused(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data", orders=0)
    with pytest.raises(BackupRefused, match="holds no records"):
        await write_backup(data, tmp_path / "backup")
    assert list_names(tmp_path) == {"data"}


async def test_directory_without_a_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataDirectoryRefused, match="holds no log"):
        await write_backup(DataDirectory(tmp_path / "data"), tmp_path / "backup")


async def test_existing_file_is_not_replaced(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    (tmp_path / "backup").write_text("mine")
    with pytest.raises(BackupRefused, match="exists"):
        await write_backup(data, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"


async def test_file_that_appears_during_the_backup_is_not_replaced(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    with pytest.raises(BackupRefused, match="exists"):
        await write_backup(data, tmp_path / "backup", lambda _, __: (tmp_path / "backup").touch())
    assert (tmp_path / "backup").read_bytes() == b""


async def test_partial_file_of_a_killed_backup_is_replaced(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    (tmp_path / "backup.partial").write_bytes(b"x" * 1_000_000)
    content = await write_backup(data, tmp_path / "backup")
    assert await verify_backup(tmp_path / "backup") == content


async def test_backup_writes_to_no_file_that_others_have_prepared(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "backup.partial").symlink_to("precious")
    await write_backup(data, tmp_path / "backup")
    (tmp_path / "second.partial").hardlink_to(tmp_path / "precious")
    await write_backup(data, tmp_path / "second")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "backup").is_symlink()


async def test_link_to_nothing_is_not_replaced(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    (tmp_path / "backup").symlink_to("nothing")
    with pytest.raises(BackupRefused, match="exists"):
        await write_backup(data, tmp_path / "backup")
    assert list_names(tmp_path) == {"data", "backup"}


async def test_second_backup_into_the_same_file_is_refused(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    with (tmp_path / "backup.partial").open("w") as locked_file:
        flock(locked_file, LOCK_EX)
        with pytest.raises(BackupRefused, match="Another process writes"):
            await write_backup(data, tmp_path / "backup")


async def test_failed_backup_leaves_no_file(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")

    def fail(done: int, total: int | None) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    with pytest.raises(OSError, match="No space"):
        await write_backup(data, tmp_path / "backup", fail)
    assert list_names(tmp_path) == {"data"}


async def test_changed_record_of_the_log_fails_its_backup(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    with closing(connect_writer(data.log)) as connection:
        connection.execute("DROP TRIGGER records_are_never_changed")
        connection.execute("UPDATE records SET value = CAST(value || 'x' AS BLOB) WHERE position = 7")
    with pytest.raises(LogDamaged, match="offset 7"):
        await write_backup(data, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


async def test_broken_chain_is_counted_and_named_and_backed_up(tmp_path: Path) -> None:
    records = build_parked_log().records[0]
    log = open_to_serve(tmp_path / "data")
    await log.append(0, records)
    await log.close()
    content = await write_backup(DataDirectory(tmp_path / "data"), tmp_path / "backup")
    assert content.fault is not None
    assert (content.fault_count, content.fault.partition, content.fault.offset) == (1, 0, PARKED["broken"])
    assert content.record_count == len(records)


@pytest.mark.parametrize("change", [Saved(0, RECORDS + 1), Witnessed(0, 4, "00" * 16), Done("order-1", RECORDS)])
async def test_subscription_that_does_not_fit_the_log_is_damage(tmp_path: Path, change: Change) -> None:
    data = await create_data_directory(tmp_path / "data")
    await change_subscription(data, change)
    with pytest.raises(BackupDamaged, match="a subscription has done events"):
        await write_backup(data, tmp_path / "backup")


async def test_stopped_subscription_may_be_ahead_of_the_log(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    await change_subscription(data, Saved(0, RECORDS + 1), Stopped("the log has lost records"))
    assert (await write_backup(data, tmp_path / "backup")).subscription_count == 1


async def test_witness_of_a_subscription_is_compared_with_the_log(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    records, _ = await read_log(data)
    await change_subscription(data, Witnessed(0, 4, records[4].digest.hex()))
    assert (await write_backup(data, tmp_path / "backup")).subscription_count == 1


async def test_log_of_format_1_is_backed_up(tmp_path: Path) -> None:
    directory = create_format_1(tmp_path / "data")
    content = await write_backup(DataDirectory(directory), tmp_path / "backup")
    assert content.record_count > 0
    assert content.command_count == 0


async def test_backup_has_what_was_in_the_log_when_it_began(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    before = await read_log(data)
    file = await back_up(data)
    await append_orders(data, 1)
    content = await verify_backup(file)
    assert (content.record_count, content.command_count) == tuple(map(len, before))
    assert content.record_count == 3 * ORDERS


@pytest.mark.parametrize("name", ["data/log.sqlite", "data/subscriptions.sqlite", "text"])
async def test_other_file_is_no_backup(tmp_path: Path, name: str) -> None:
    await create_data_directory(tmp_path / "data")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(BackupDamaged, match="no backup of Ordertrail"):
        await verify_backup(tmp_path / name)


@pytest.mark.parametrize("name", ["missing", "data"])
async def test_backup_that_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BackupRefused, match="is no file"):
        await verify_backup(tmp_path / name)
