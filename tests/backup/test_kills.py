"""A backup or restore that is killed at any step leaves what was there, or all of what was to be there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.backup.sample_directory import RECORDS, back_up, create_data_directory, list_names, read_identity, read_log
from tests.trials import choose_size

from ordertrail_server.backup.backup import write_backup
from ordertrail_server.backup.restore import restore
from ordertrail_server.backup.verification import verify_backup
from ordertrail_server.log.data_directory import DataDirectory, find_restore, open_to_serve
from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.storage.lock import DataDirectoryRefused

PROGRAM = [sys.executable, str(Path(__file__).with_name("killed_process.py"))]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
# More than there are. `make test` tries some of them.
BACKUP_STEPS = range(1, 21)
RESTORE_STEPS = range(2, 62, choose_size(6, 1, 1))
KILLED = -9


def run_and_kill(command: str, source: Path, target: Path, steps: Sequence[int]) -> Sequence[int]:
    """Return the steps at which a process was killed. The last processes end by themselves, having fewer steps."""
    arguments = [command, str(source), str(target), *map(str, steps)]
    output = subprocess.run([*PROGRAM, *arguments], env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
    codes = list(map(int, output.split()))
    killed = codes.index(0)
    assert codes == [KILLED] * killed + [0] * (len(steps) - killed)
    assert killed > len(steps) // 2
    return steps[:killed]


async def find_identities(directories: Sequence[Path]) -> set[bytes]:
    """Return the identities of the logs in those of the directories that have one."""
    return {await read_identity(path) for path in directories if (path / LOG_FILE).exists()}


async def test_killed_backup_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    (tmp_path / "files").mkdir()
    for step in run_and_kill("backup", data.path, tmp_path / "files" / "backup", BACKUP_STEPS):
        file = tmp_path / "files" / f"backup-{step}"
        content = await verify_backup(file) if file.exists() else await write_backup(data, file)
        assert content.record_count == RECORDS
    assert list_names(tmp_path / "files") == {f"backup-{step}" for step in BACKUP_STEPS}


@pytest.mark.sampled
async def test_killed_restore_leaves_the_old_directory_or_the_new_one(tmp_path: Path) -> None:
    data = await create_data_directory(tmp_path / "data")
    file, old = await back_up(data), await read_identity(data.path)
    (tmp_path / "targets").mkdir()
    for step in RESTORE_STEPS:
        shutil.copytree(data.path, tmp_path / "targets" / f"data-{step}")
    records = await read_log(data)
    for step in run_and_kill("restore", file, tmp_path / "targets" / "data", RESTORE_STEPS):
        target = tmp_path / "targets" / f"data-{step}"
        assert await read_log(DataDirectory(target)) == records
        report = await restore(file, target)
        copies = [path for name in list_names(target.parent) if (path := target.with_name(name)) != target]
        assert old in await find_identities([path for path in copies if path.name.startswith(f"{target.name}.")])
        assert await read_identity(target) == report.log_id


@pytest.mark.sampled
async def test_killed_restore_into_a_new_directory_is_noticed_by_a_server(tmp_path: Path) -> None:
    file = await back_up(await create_data_directory(tmp_path / "data"))
    (tmp_path / "targets").mkdir()
    refused = 0
    for step in run_and_kill("restore", file, tmp_path / "targets" / "data", RESTORE_STEPS):
        data = DataDirectory(tmp_path / "targets" / f"data-{step}")
        if find_restore(data.path).exists():
            with pytest.raises(DataDirectoryRefused, match="has not ended"):
                open_to_serve(data.path)
            refused += 1
            await restore(file, data.path)
        if data.log.exists():  # not if the process was killed before it created anything
            assert len((await read_log(data))[0]) == RECORDS
    assert refused
