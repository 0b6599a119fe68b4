"""`ordertrail audit` as an operator uses it: counts, findings and exit codes."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest
from tests.cli.command_line import ORDERTRAIL, CommandLine, serve_directory
from tests.projections.audit.audited_directory import edit_live
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

from ordertrail_server.projections.rebuild import rebuild

NOBODY = CommandLine("127.0.0.1:1")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stopped directory with a void record, and an order with facts of a newer release."""
    builder = LogBuilder()
    builder.add_fact("fine", PLACED)
    builder.add_fact("newer", PLACED)
    builder.add_future_event("newer")
    builder.add_fact("newer", CONFIRMED)
    builder.add_repetition("fine", version=1)
    write_log(tmp_path, builder.records[0])
    rebuild(tmp_path, lambda done, total: None)
    return tmp_path


def test_counts_agree_with_rebuild_and_parked_list(data: Path) -> None:
    with serve_directory(data) as address:
        [parked] = CommandLine(address).lines("parked", "list")
        *_, message = CommandLine(address).lines("audit")
    counts = {name: int(count) for name, count in message["report"]["counts"].items()}
    rebuilt = json.loads(NOBODY.run("rebuild", "--data", str(data), "--json").stdout)
    assert message["report"]["result"] == "AUDIT_RESULT_CLEAN"
    assert counts["waitingCount"] == rebuilt["waiting"] == int(parked["waitingCount"]) == 2
    assert (counts["parkedCount"], counts["orderCount"]) == (rebuilt["parked"], rebuilt["orders"])
    assert (counts["factCount"], counts["voidCount"]) == (rebuilt["events"], rebuilt["not_facts"])
    assert counts["recordCount"] == rebuilt["records"] == 5


def test_stopped_server_is_audited_without_a_server(data: Path) -> None:
    result = NOBODY.run("audit", "--data", str(data))
    assert (result.returncode, result.stderr) == (0, "")
    assert "5 records, 2 orders, 2 facts, 2 waiting, 1 void, 1 parked" in result.stdout
    assert result.stdout.endswith("Nothing was found: the projections are what the log says.\n")
    assert not list((data / "projections").glob("audit-*"))


def test_findings_are_printed_with_both_values_and_exit_code_1(data: Path) -> None:
    edit_live(data / "projections", "orders", "UPDATE orders SET status = 9 WHERE order_id = 'fine'")
    result = NOBODY.run("audit", "--data", str(data))
    assert result.returncode == 1
    line = "row changed: orders.orders; order fine; order_id=fine; expected status=1; stored status=9"
    assert result.stdout.splitlines()[0] == line
    assert result.stdout.endswith("1 finding.\n")
    assert NOBODY.run("audit", "history", "--data", str(data)).returncode == 0


def test_audit_that_cannot_run_or_not_compare_everything_ends_with_exit_code_2(data: Path) -> None:
    assert NOBODY.run("audit").returncode == 2
    incomplete = NOBODY.run("audit", "unknown", "--data", str(data))
    assert incomplete.returncode == 2
    assert "unknown: not compared, because there is no projection unknown: install the package" in incomplete.stdout
    with serve_directory(data):
        busy = NOBODY.run("audit", "--data", str(data))
    assert (busy.returncode, busy.stdout) == (2, "")
    assert "Leave out --data" in busy.stderr


@pytest.mark.parametrize("command", ["audit", "rebuild"])
def test_directory_without_a_log_is_refused_and_left_as_it_is(tmp_path: Path, command: str) -> None:
    result = NOBODY.run(command, "--data", str(tmp_path))
    assert (result.returncode, result.stdout) == (2 if command == "audit" else 1, "")
    assert f"{tmp_path} holds no log (log.sqlite)" in result.stderr
    assert not list(tmp_path.iterdir())


def test_report_is_printed_on_a_terminal_below_its_findings(data: Path) -> None:
    edit_live(data / "projections", "orders", "UPDATE orders SET status = 9 WHERE order_id = 'fine'")
    exit_code, screen = run_on_terminal("audit", "--data", str(data))
    assert exit_code == 1
    assert 0 < screen.index("row changed: orders.orders") < screen.index("Projection") < screen.index("1 finding.")
    assert "Error" not in screen


def run_on_terminal(*args: str) -> tuple[int, str]:
    """Run a command with a terminal as stdout and stderr; return its exit code and what it wrote there."""
    screen, terminal = pty.openpty()
    environment = {**NOBODY.environment, "TERM": "xterm"}
    with subprocess.Popen([*ORDERTRAIL, *args], env=environment, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        chunks = []
        try:
            while chunk := os.read(screen, 4096):
                chunks.append(chunk)
        except OSError:  # how Linux reports that no process has the terminal open
            pass
    os.close(screen)
    return process.returncode, b"".join(chunks).decode()


def test_audit_that_cannot_print_its_report_ends_with_exit_code_2(data: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = NOBODY.run_as({}, "audit", "--data", str(data), stdout=full)
    assert result.returncode == 2, result.stderr
