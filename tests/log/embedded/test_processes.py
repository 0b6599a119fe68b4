"""Several processes use one data directory, and some of them are killed."""

import asyncio
import os
import random
from pathlib import Path

import pytest
from tests.log.contract import SOON, build_entries, build_logged_records
from tests.log.embedded.processes import read_acknowledged_offset, run_appender

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.file import LOG_FILE, UNFINISHED
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.storage.lock import DataDirectoryBusy


def test_second_writer_in_another_process_is_refused_with_pid_of_the_first(tmp_path: Path) -> None:
    with run_appender(tmp_path, batches=1) as process:
        read_acknowledged_offset(process, 1)
        with pytest.raises(DataDirectoryBusy, match=rf"pid {process.pid}\) already serves {tmp_path}"):
            open_to_serve(tmp_path)


async def test_second_writer_in_the_same_process_is_refused(tmp_path: Path) -> None:
    log = open_to_serve(tmp_path)
    with pytest.raises(DataDirectoryBusy, match=rf"pid {os.getpid()}\)"):
        open_to_serve(tmp_path)
    await log.close()
    await open_to_serve(tmp_path).close()


async def test_follower_reads_records_of_another_process_and_cannot_append(tmp_path: Path) -> None:
    with run_appender(tmp_path, batches=20) as process:
        read_acknowledged_offset(process, 1)
        follower = EmbeddedLog.follow(tmp_path)
        await asyncio.wait_for(follower.wait(0, 209), SOON)
        assert await follower.end(0) == 210
        assert await follower.read(0, 0, 1000) == build_logged_records(build_entries(210))
        with pytest.raises(PermissionError, match="follows"):
            await follower.append(0, build_entries(1))
        await follower.close()


async def test_follower_reads_a_log_without_a_server(tmp_path: Path) -> None:
    log = open_to_serve(tmp_path)
    await log.append(0, build_entries(5))
    await log.close()
    follower = EmbeddedLog.follow(tmp_path)
    assert follower.identity == log.identity
    assert await follower.read(0, 0, 10) == build_logged_records(build_entries(5))
    await follower.close()


async def test_follower_continues_with_the_records_of_a_new_writer(tmp_path: Path) -> None:
    await open_to_serve(tmp_path).close()
    follower = EmbeddedLog.follow(tmp_path)
    for last in (0, 1):
        with run_appender(tmp_path, batches=1) as process:
            read_acknowledged_offset(process, 1)
            process.communicate("")
            assert process.returncode == 0
        await asyncio.wait_for(follower.wait(0, last), SOON)
    assert await follower.read(0, 0, 10) == build_logged_records(build_entries(2))
    await follower.close()


async def test_directory_can_be_served_after_a_kill_during_log_creation(tmp_path: Path) -> None:
    for number, created in enumerate(["LOCK", *UNFINISHED[:2], LOG_FILE]):
        data = tmp_path / str(number)
        data.mkdir()
        with run_appender(data, batches=1) as process:
            while not (data / created).exists() and not (data / LOG_FILE).exists():
                assert process.poll() is None
            process.kill()
            process.wait()
        log = open_to_serve(data)
        end = await log.end(0)
        assert await log.append(0, build_entries(2, end)) == [end, end + 1]
        await log.close()


async def test_acknowledged_records_survive_repeated_kills_of_the_writer(tmp_path: Path) -> None:
    generator = random.Random(20)
    last = -1
    for _ in range(6):
        with run_appender(tmp_path, batches=1_000_000) as process:
            last = read_acknowledged_offset(process, generator.randint(1, 400))
            process.kill()
            process.wait()
        write_ahead_log = tmp_path / "log.sqlite-wal"
        assert write_ahead_log.stat().st_size > 0
        log = open_to_serve(tmp_path)
        assert write_ahead_log.stat().st_size == 0  # everything that was recovered is durable in the log file
        end = await log.end(0)
        assert end > last
        assert await log.read(0, 0, end + 1) == build_logged_records(build_entries(end))
        await log.close()
