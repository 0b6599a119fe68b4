"""The log lines of a server: their form, the reason of a failure, and a reader that stalls."""

import json
import os
from contextlib import suppress
from pathlib import Path
from pty import openpty
from subprocess import PIPE, Popen

from tests.e2e.running_server import build_arguments, build_environment, read_start_refusal
from tests.ports import find_free_port

from ordertrail.client import connect, line

AUTO = {"ORDERTRAIL_LOG_FORMAT": "auto"}


def start_server(stderr: int, data: Path, **settings: str) -> Popen[str]:
    """Start a server, which logs a line at its start."""
    admin = {"ORDERTRAIL_ADMIN_LISTEN": f"127.0.0.1:{find_free_port()}"}
    arguments = build_arguments(data, f"127.0.0.1:{find_free_port()}")
    return Popen(arguments, env=build_environment(AUTO | admin | settings), stdout=PIPE, stderr=stderr, text=True)


def read_address(process: Popen[str]) -> str:
    assert process.stdout is not None
    return str(json.loads(process.stdout.readline())["listening"])


def test_lines_are_text_on_a_terminal(tmp_path: Path) -> None:
    terminal, stderr = openpty()
    with start_server(stderr, tmp_path / "data") as process:
        read_address(process)
        process.terminate()
    os.close(stderr)
    text = b""
    with suppress(OSError):  # the end of a terminal that no process has open any more
        while content := os.read(terminal, 4096):
            text += content
    os.close(terminal)
    assert process.returncode == 0
    assert b"\nINFO ordertrail_server.admin_start: metrics and probes are on http://127.0.0.1:" in b"\n" + text


def test_reason_of_a_failure_is_a_line_of_json(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.sqlite").write_text("no log")
    *_, last_line = read_start_refusal(tmp_path / "data", environment=AUTO).splitlines()
    reason = json.loads(last_line)
    assert (reason["level"], reason["logger"]) == ("critical", "ordertrail_server.cli.serve")
    assert "log.sqlite" in reason["event"]


async def test_server_answers_and_stops_while_nobody_reads_its_lines(tmp_path: Path) -> None:
    reading_end, stderr = os.pipe()
    os.set_blocking(stderr, False)
    with suppress(BlockingIOError):
        while True:
            os.write(stderr, bytes(4096))
    os.set_blocking(stderr, True)
    with start_server(stderr, tmp_path / "data", ORDERTRAIL_ACCESS_LOG="1") as process:
        async with connect(read_address(process)) as orders:
            for _ in range(20):
                await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        process.terminate()
    os.close(stderr)
    os.close(reading_end)
    assert process.returncode == 0
