"""`ordertrail backup` and `ordertrail restore`: what they print, and one sentence for each failure."""

import resource
import subprocess
from pathlib import Path

import pytest
from tests.backup.sample_directory import COMMANDS, RECORDS, create_data_directory, list_names
from tests.cli.command_line import ORDERTRAIL, CommandLine
from tests.e2e.parked import PARKED, build_parked_log
from tests.log.embedded.test_flipped_bits import flip

from ordertrail_server.log.data_directory import DataDirectory, open_to_serve

NOBODY = CommandLine("127.0.0.1:1")
COUNTS = f"{RECORDS} records, {COMMANDS} submitted commands and 1 subscription"


def read_refusal(*arguments: str, log: str = "embedded") -> str:
    """Return the only line on stderr of a command that fails."""
    result = NOBODY.run_as({"ORDERTRAIL_LOG": log}, *arguments)
    assert (result.returncode, result.stdout) == (1, b"")
    [line] = result.stderr.decode().splitlines()
    return line


@pytest.fixture
async def data(tmp_path: Path) -> DataDirectory:
    return await create_data_directory(tmp_path / "data")


def back_up(data: DataDirectory) -> Path:
    file = data.path.with_name("monday")
    assert NOBODY.run("backup", str(file), "--data", str(data.path)).returncode == 0
    return file


def test_backup_and_verification_print_how_much_they_checked(data: DataDirectory) -> None:
    file = str(data.path.with_name("monday"))
    written = NOBODY.run("backup", file, "--data", str(data.path))
    assert written.stdout == f"Backed up and verified: {COUNTS}, in {file}.\n"
    verified = NOBODY.run("backup", "--verify", file)
    assert verified.stdout.startswith("Verified the backup of 20")
    assert verified.stdout.endswith(f": {COUNTS}, in {file}.\n")


def test_json_of_all_forms_has_the_same_counts(data: DataDirectory) -> None:
    file = str(data.path.with_name("monday"))
    [written] = NOBODY.lines("backup", file, "--data", str(data.path))
    [verified] = NOBODY.lines("backup", "--verify", file)
    [restored] = NOBODY.lines("restore", file, "--data", str(data.path))
    assert written == verified
    assert restored.items() > {key: written[key] for key in written.keys() - {"file", "verified"}}.items()
    assert (written["records"], written["commands"], written["subscriptions"]) == (RECORDS, COMMANDS, 1)
    assert restored["restoredLogId"] != restored["logId"]


def test_restore_prints_identities_and_where_the_old_directory_is(data: DataDirectory) -> None:
    file = back_up(data)
    restored = NOBODY.run("restore", str(file), "--data", str(data.path))
    outcome, identity, directory = restored.stdout.splitlines()
    assert outcome.endswith(f": {COUNTS}, in {data.path}.")
    assert identity.startswith("The log is now ")
    assert DataDirectory(Path(directory.removeprefix("The old directory is kept: "))).log.exists()


async def test_log_without_records_fails_the_backup(tmp_path: Path) -> None:
    await create_data_directory(tmp_path / "data", orders=0)
    refusal = read_refusal("backup", str(tmp_path / "monday"), "--data", str(tmp_path / "data"))
    assert refusal.endswith("log.sqlite holds no records, so there is nothing to back up.")
    assert list_names(tmp_path) == {"data"}


def test_log_on_kafka_is_told_of_log_copy(data: DataDirectory) -> None:
    file = str(data.path.with_name("monday"))
    assert "ordertrail log copy" in read_refusal("backup", file, "--data", str(data.path), log="kafka")
    assert "ordertrail log copy" in read_refusal("restore", file, "--data", str(data.path), log="kafka")
    (data.path / "log.sqlite").unlink()
    refusal = read_refusal("backup", file, "--data", str(data.path))
    assert "holds no log" in refusal
    assert "ordertrail log copy" in refusal


def test_damaged_backup_is_refused_by_both_commands(data: DataDirectory) -> None:
    file = back_up(data)
    flip(file, 8 * (file.stat().st_size - 100))
    for arguments in (("backup", "--verify", str(file)), ("restore", str(file), "--data", str(data.path))):
        assert f"{file} is damaged" in read_refusal(*arguments)


async def test_broken_chain_fails_the_backup_and_its_file_is_kept(tmp_path: Path) -> None:
    log = open_to_serve(tmp_path / "data")
    await log.append(0, build_parked_log().records[0])
    await log.close()
    file = tmp_path / "monday"
    fault = f"The log itself has broken chains: 1 record, the first at partition 0, offset {PARKED['broken']}: "
    for arguments in (("backup", str(file), "--data", str(tmp_path / "data")), ("backup", "--verify", str(file))):
        result = NOBODY.run(*arguments)
        assert (result.returncode, fault in result.stderr) == (1, True)
    restored = NOBODY.run("restore", str(file), "--data", str(tmp_path / "new"))
    assert (restored.returncode, fault in restored.stderr) == (0, True)


def test_target_that_cannot_be_written_is_named(data: DataDirectory) -> None:
    missing = data.path.with_name("missing") / "monday"
    assert str(missing.parent) in read_refusal("backup", str(missing), "--data", str(data.path))
    assert "exists" in read_refusal("backup", str(back_up(data)), "--data", str(data.path))


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_full_disk_is_one_sentence_and_leaves_nothing(data: DataDirectory, command: str) -> None:
    file = back_up(data)
    new = data.path.with_name("new")
    arguments = {"backup": [str(new), "--data", str(data.path)], "restore": [str(file), "--data", str(new)]}[command]
    result = subprocess.run(
        [*ORDERTRAIL, command, *arguments],
        env=NOBODY.environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert list_names(data.path.parent) == {"data", file.name}
