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
from tests.projections.log_builder import build_many_orders, write_log
from tests.projections.processes import ENVIRONMENT, build_projector_command, wait_gone
from tests.projections.stored_rows import read_rows

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.definition import read_model_file
from ordertrail_server.projections.process import AGAIN, REFUSED
from ordertrail_server.projections.projector import Projector
from ordertrail_server.projections.rebuild import rebuild
from ordertrail_server.storage.connection import connect_writer

RECORDS = 12_000
WINDOW_S = 0.4


def start_process(directory: Path) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen(build_projector_command(directory), stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT)


def parse_offset(line: bytes) -> int:
    reached: int = json.loads(line)["positions"]["0"]
    return reached


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
    model = read_model_file(DataDirectory(tmp_path).read_model)
    killed_rows = read_rows(model)
    rebuild(tmp_path, lambda done, total: None)
    assert read_rows(model) == killed_rows


def test_process_ends_if_another_projector_wrote_and_resumes_after_a_restart(
    tmp_path: Path,
) -> None:
    write_log(tmp_path, build_many_orders(RECORDS // 3))
    with start_process(tmp_path) as process:
        assert process.stdout is not None
        parse_offset(process.stdout.readline())
        freeze_process(process.pid)
        asyncio.run(project(tmp_path))
        process.send_signal(signal.SIGCONT)
        _, errors = process.communicate()
    assert process.returncode == AGAIN
    assert b"is no longer at offset" in errors
    assert errors.count(b"\n") == 1
    with start_process(tmp_path) as process:
        assert process.stdout is not None
        assert parse_offset(process.stdout.readline()) == RECORDS
        process.communicate()
    assert process.returncode == 0


async def project(directory: Path) -> None:
    """Fold the whole log into its read model."""
    log = EmbeddedLog.follow(directory)
    projector = await Projector.open(log, read_model_file(DataDirectory(directory).read_model))
    await projector.catch_up()
    projector.close()
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
        {"number": 4, "taken_in": None},
        {"number": 5, "taken_in": None},
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
        rebuild(tmp_path, lambda done, total: None)
        connection = connect_writer(read_model_file(DataDirectory(tmp_path).read_model), "NORMAL")
        connection.execute("UPDATE meta SET value = ? WHERE key = 'log_id'", (b"?" * 16,))
        connection.close()
    with start_process(tmp_path) as process:
        output, errors = process.communicate()
    [line] = errors.decode().splitlines()
    assert process.returncode == REFUSED
    assert output == b""
    assert line.startswith("order-history-") if log == "another" else "holds no log" in line
