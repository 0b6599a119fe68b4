"""The projector as a separate process: it is killed, orphaned, woken or refused."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.process_freeze import freeze_process
from tests.projections.engine_files import FoldedRows, project, read_folded_rows
from tests.projections.log_builder import build_many_orders, write_log
from tests.projections.processes import ENVIRONMENT, NAMES, build_projector_command, wait_gone

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.catalog import HISTORY
from ordertrail_server.projections.exit_code import AGAIN, REFUSED
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.checked.connection import connect_checked_writer

RECORDS = 12_000
WINDOW_S = 0.4


def start_process(directory: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(build_projector_command(directory), stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT)


def parse_offset(line: bytes) -> int:
    positions: dict[str, dict[str, int]] = json.loads(line)["positions"]
    return min(positions[name]["0"] for name in NAMES)


def test_projector_killed_at_random_moments_writes_the_same_rows(tmp_path: Path) -> None:
    write_log(tmp_path, build_many_orders(RECORDS // 3))
    chance, reached, kills, window = random.Random(7), 0, 0, 0.0
    while reached < RECORDS:
        with start_process(tmp_path) as process:
            assert process.stdout is not None
            first_offset = parse_offset(process.stdout.readline())
            assert first_offset >= reached  # no reported commit is lost
            time.sleep(chance.random() * window)  # the moment is the point: any is as good
            process.kill()
            earlier, reached = reached, max([first_offset, *map(parse_offset, process.stdout.read().splitlines())])
            kills += 1
            # A slow machine needs longer to commit anything at all.
            window = WINDOW_S if reached > earlier else max(WINDOW_S, 2 * window)
    assert kills > 1
    killed_rows = read_folded_rows(DataDirectory(tmp_path).projections)
    assert asyncio.run(project_anew(tmp_path)) == killed_rows


def test_process_ends_if_another_projector_wrote_and_resumes_after_a_restart(
    tmp_path: Path,
) -> None:
    write_log(tmp_path, build_many_orders(RECORDS // 3))
    with start_process(tmp_path) as process:
        assert process.stdout is not None
        parse_offset(process.stdout.readline())
        freeze_process(process.pid)
        asyncio.run(project_live(tmp_path))
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate()
    assert process.returncode == AGAIN
    assert b"partition 0 of orders-" in errors
    assert b" is no longer at " in errors
    assert errors.count(b"\n") == 1
    with start_process(tmp_path) as process:
        assert process.stdout is not None
        assert parse_offset(process.stdout.readline()) == RECORDS
        process.communicate()
    assert process.returncode == 0


async def project_live(data: Path) -> FoldedRows:
    """Fold the whole log into the live files of its data directory."""
    return await project_into(data, DataDirectory(data).projections)


async def project_anew(data: Path) -> FoldedRows:
    """Return the rows of a new fold of the log."""
    return await project_into(data, data / "anew")


async def project_into(data: Path, directory: Path) -> FoldedRows:
    log = EmbeddedLog.follow(data)
    try:
        return await project(log, directory, batch=2_000)
    finally:
        await log.close()


def test_end_of_stdin_ends_the_process_with_0(tmp_path: Path) -> None:
    write_log(tmp_path, build_many_orders(1))
    with start_process(tmp_path) as process:
        output, errors = process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert [parse_offset(line) for line in output.splitlines()] in ([0], [0, 3])


def test_request_may_arrive_in_pieces_between_wake_ups(tmp_path: Path) -> None:
    write_log(tmp_path, build_many_orders(1))
    with start_process(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for piece in (b'\n\n{"number": 4, "re', b'try": "order-0"}', b'\n\n{"number": 5, "retry": "order-1"}\n'):
            process.stdin.write(piece)
            process.stdin.flush()
        messages = [json.loads(process.stdout.readline()) for _ in range(4)]
        process.communicate()
    assert [line for line in messages if "number" in line] == [
        {"number": 4, "result": None},
        {"number": 5, "result": None},
    ]
    assert process.returncode == 0


def test_process_ignores_signals_to_its_group(tmp_path: Path) -> None:
    write_log(tmp_path, build_many_orders(1))
    with start_process(tmp_path) as process:
        assert process.stdout is not None
        assert parse_offset(process.stdout.readline()) == 0
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert parse_offset(process.stdout.readline()) == 3
        process.communicate()
    assert process.returncode == 0


async def test_death_of_the_parent_ends_the_process(tmp_path: Path) -> None:
    await asyncio.to_thread(write_log, tmp_path, build_many_orders(1))
    parent_of = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", parent_of, *build_projector_command(tmp_path)]
    parent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await wait_gone(child)


@pytest.mark.parametrize("log", ["missing", "another"])
def test_refusal_is_one_line_and_an_exit_code_of_its_own(tmp_path: Path, log: str) -> None:
    if log == "another":
        write_log(tmp_path, build_many_orders(1))
        asyncio.run(project_live(tmp_path))
        connection = connect_checked_writer(live_generation(DataDirectory(tmp_path).projections, HISTORY), "NORMAL")
        connection.execute("UPDATE ordertrail_meta SET value = ? WHERE key = 'log_id'", (b"?" * 16,))
        connection.close()
    with start_process(tmp_path) as process:
        output, errors = process.communicate()
    [line] = errors.decode().splitlines()
    assert process.returncode == REFUSED
    assert output == b""
    assert line.startswith("history-") if log == "another" else "holds no log" in line
