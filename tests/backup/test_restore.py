"""Given a backup, when it is restored, then a server can go on from it, and knows what was lost."""

import os
from errno import ENOSPC
from pathlib import Path

import pytest
from tests.backup.sample_directory import (
    COMMANDS,
    RECORDS,
    append_orders,
    back_up,
    back_up_and_restore,
    create_data_directory,
    list_names,
    read_log,
    read_subscription,
    subscribe,
)
from tests.e2e.test_file_modes import PRIVATE, list_modes
from tests.projections.log_builder import build_many_orders
from tests.storage.old_system import without_renameat2

from ordertrail_server.backup import directory_switch
from ordertrail_server.backup.backup_error import BackupRefused
from ordertrail_server.backup.restore import restore
from ordertrail_server.backup.verification import verify_backup
from ordertrail_server.log.data_directory import DataDirectory, find_restore, open_to_serve
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.lineage import Predecessor
from ordertrail_server.log.port import Log
from ordertrail_server.storage.lock import DataDirectoryBusy, DataDirectoryRefused, lock_directory
from ordertrail_server.subscriptions.state import SubscriptionState
from ordertrail_server.subscriptions.witnesses import find_loss


async def open_log(data: DataDirectory) -> Log:
    """Return the log of a directory. It can be used after it is closed, for its identity and lineage."""
    log = EmbeddedLog.follow(data.path)
    await log.close()
    return log


async def find_loss_at_start(data: DataDirectory, state: SubscriptionState) -> str:
    """Return why a server of the directory would stop a subscription with this state."""
    log = EmbeddedLog.follow(data.path)
    try:
        return await find_loss(log, state)
    finally:
        await log.close()


@pytest.mark.parametrize("name", ["other", "nothing", "precious"])
async def test_link_with_the_name_of_the_new_directory_is_refused(tmp_path: Path, name: str) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    (tmp_path / "other").mkdir()
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "restored.restoring").symlink_to(name)
    with pytest.raises(BackupRefused, match=r"restored\.restoring is no directory"):
        await restore(file, tmp_path / "restored")
    assert list_names(tmp_path / "other") == set()
    assert (tmp_path / "precious").read_text() == "precious"


async def test_restored_directory_has_the_same_records_and_commands(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    restored, report = await back_up_and_restore(data, "restored")
    assert await read_log(restored) == await read_log(data)
    assert (report.content.record_count, report.content.command_count) == (RECORDS, COMMANDS)
    assert report.former_directory is None


async def test_restored_log_has_a_new_identity_and_names_its_predecessor(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    old = await open_log(data)
    restored, report = await back_up_and_restore(data, "restored")
    new = await open_log(restored)
    assert new.identity == report.log_id != old.identity
    assert new.lineage.predecessors == (Predecessor(old.identity, (RECORDS,)),)
    assert old.commands is not None
    assert new.commands is not None
    assert new.commands.lineage.predecessors == (Predecessor(old.commands.identity, (COMMANDS,)),)


async def test_restore_of_a_restore_names_all_predecessors_oldest_first(tmp_path: Path) -> None:
    first = await create_data_directory(tmp_path / "first")
    second, _ = await back_up_and_restore(first, "second")
    await append_orders(second, 1)
    third, _ = await back_up_and_restore(second, "third")
    identities = [(await open_log(data)).identity for data in (first, second)]
    assert [(log.identity, log.ends) for log in (await open_log(third)).lineage.predecessors] == [
        (identities[0], (RECORDS,)),
        (identities[1], (RECORDS + 3,)),
    ]


async def test_two_restores_of_one_backup_are_different_logs(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    reports = [await restore(file, tmp_path / name) for name in ("one", "two")]
    assert reports[0].log_id != reports[1].log_id


async def test_old_directory_is_kept_and_nothing_of_it_is_in_the_new_one(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    data.projections.mkdir()
    for name in ("log.sqlite-wal", "log.sqlite-shm", "log.sqlite-journal", "projections/orders-x.sqlite"):
        (data.path / name).write_text("of the old log")
    report = await restore(file, data.path)
    assert list_names(data.path) == {"LOCK", "log.sqlite", "subscriptions.sqlite", "subscriptions.sqlite-moved"}
    assert report.former_directory is not None
    assert report.former_directory.name.startswith("data.before-restore-")
    assert (report.former_directory / "log.sqlite-journal").read_text() == "of the old log"
    assert list_names(tmp_path) == {"data", report.former_directory.name, file.name}


async def test_restored_files_have_the_modes_of_those_of_a_server(tmp_path: Path) -> None:
    file, umask = await back_up(await create_data_directory(tmp_path / "data")), os.umask(0)
    try:
        await restore(file, tmp_path / "restored")
    finally:
        os.umask(umask)
    assert list_modes(tmp_path / "restored") == PRIVATE


async def test_subscription_continues_from_the_positions_of_the_backup(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    before = await read_subscription(data)
    restored, report = await back_up_and_restore(data, "restored")
    after = await read_subscription(restored)
    assert (after.saved, after.orders, after.definition) == (before.saved, before.orders, before.definition)
    assert after.log_id == report.log_id
    assert await find_loss_at_start(restored, after) == ""


async def test_subscriptions_from_before_the_restore_stop(tmp_path: Path) -> None:
    """They may be further than the backup, although the log may have grown past their positions since."""
    data = await create_data_directory(tmp_path / "data")
    restored, _ = await back_up_and_restore(data, "restored")
    state = await read_subscription(data)
    assert await find_loss_at_start(restored, state) == "it belongs to another log"


async def test_subscription_of_another_log_is_backed_up_and_still_stops_after_a_restore(tmp_path: Path) -> None:
    """Somebody has copied the file of another directory. Its positions mean nothing here, wherever they are."""
    data = DataDirectory(tmp_path / "data")
    log = open_to_serve(data.path)
    await log.append(0, build_many_orders(1))
    await log.close()
    await subscribe(data, b"another log's id", saved=100)
    restored, _ = await back_up_and_restore(data, "restored")
    assert await find_loss_at_start(restored, await read_subscription(restored)) == "it belongs to another log"


async def test_directory_in_use_is_refused(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    names = list_names(data.path)
    with lock_directory(data.path), pytest.raises(DataDirectoryBusy, match="already serves"):
        await restore(file, data.path)
    assert list_names(data.path) == names
    assert list_names(tmp_path) == {"data", file.name}


async def test_second_restore_at_a_time_is_refused(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    refusals = []

    async def restore_again() -> None:
        with pytest.raises(DataDirectoryBusy) as refusal:
            await restore(file, tmp_path / "new")
        refusals.append(refusal)

    with directory_switch.build_directory(tmp_path / "new") as new:
        await restore_again()
        assert new.exists()
    assert len(refusals) == 1


async def test_restored_directory_cannot_be_served_before_the_restore_ends(tmp_path: Path) -> None:
    refusal = pytest.raises(DataDirectoryRefused, match="has not ended")
    with directory_switch.build_directory(tmp_path / "data"), refusal:
        open_to_serve(tmp_path / "data")


async def test_other_directory_is_refused(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").write_text("dear")
    with pytest.raises(BackupRefused, match="no log"):
        await restore(file, tmp_path / "home")
    with pytest.raises(BackupRefused, match="not a directory"):
        await restore(file, tmp_path / "home" / "letter")
    with pytest.raises(BackupRefused, match="mount point"):
        await restore(file, Path("/proc"))
    assert list_names(tmp_path) == {"data", "home", file.name}


@pytest.mark.parametrize("has_exchange", [True, False])
async def test_empty_directory_is_replaced_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_exchange: bool
) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    (tmp_path / "empty").mkdir()
    if has_exchange:
        report = await restore(file, tmp_path / "empty")
    else:
        with without_renameat2(monkeypatch):
            report = await restore(file, tmp_path / "empty")
    assert report.former_directory is None
    assert list_names(tmp_path) == {"data", "empty", file.name}


async def test_directory_is_replaced_where_names_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    old = await open_log(data)
    with without_renameat2(monkeypatch):
        report = await restore(file, data.path)
    assert report.former_directory is not None
    assert (await open_log(DataDirectory(report.former_directory))).identity == old.identity
    assert (await open_log(data)).identity == report.log_id


async def test_failed_restore_leaves_the_directory_as_it_was(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    steps = list[int]()

    def fail_late(done: int, total: int | None) -> None:
        steps.append(done)
        if len(steps) > 1:  # the first steps verify the backup
            raise OSError(ENOSPC, os.strerror(ENOSPC))

    with pytest.raises(OSError, match="No space"):
        await restore(file, data.path, fail_late)
    assert list_names(tmp_path) == {"data", file.name}
    assert len(await read_log(data)) == 2


async def test_complete_directory_of_an_interrupted_restore_is_kept(tmp_path: Path) -> None:
    """After a kill between the two renames it may be the only copy of the old directory."""
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    old = await open_log(data)
    data.path.rename(find_restore(data.path))
    with pytest.raises(DataDirectoryRefused, match="has not ended"):
        open_to_serve(data.path)
    await restore(file, data.path)
    [former] = [name for name in list_names(tmp_path) if ".before-restore-" in name]
    assert (await open_log(DataDirectory(tmp_path / former))).identity == old.identity
    assert list_names(tmp_path) == {"data", former, file.name}


async def test_unfinished_directory_of_a_killed_restore_is_removed(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    unfinished = find_restore(tmp_path / "new")
    unfinished.mkdir()
    for name in (directory_switch.UNFINISHED, "LOCK", "log.sqlite"):
        (unfinished / name).touch()
    await restore(file, tmp_path / "new")
    assert list_names(tmp_path) == {"data", "new", file.name}


async def test_link_to_a_directory_stays_a_link(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file = await back_up(data)
    (tmp_path / "link").symlink_to("data")
    report = await restore(file, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (await open_log(data)).identity == report.log_id


async def test_restored_log_can_be_backed_up_again(tmp_path: Path) -> None:
    first = await create_data_directory(tmp_path / "first")
    second, report = await back_up_and_restore(first, "second")
    content = await verify_backup(await back_up(second, "again.backup"))
    assert content.log.identity == report.log_id
    assert [log.identity for log in content.predecessors] == [report.content.log.identity]
    assert content.subscription_count == 1
