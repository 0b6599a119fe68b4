import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine, serve_directory, start_server, stop

from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand as StoredCommand
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry

STOP_REASON = "its verb is of a newer release"
UNREADABLE = "6d129153-c0c5-883e-87c9-62ee8d149278"
PLACE = {
    "placeOrder": {
        "orderId": "order-1",
        "customerId": "shop-1",
        "lines": [{"productId": "p_1", "quantity": 3, "unitPrice": {"currencyCode": "EUR", "units": 5}}],
    }
}
CONFIRM = {"confirmOrder": {"orderId": "order-1"}}


async def create_log_with_unreadable_command(data: Path) -> None:
    """Create a log with a submitted command of a verb that this release does not know."""
    stored = StoredCommand(command_id=UNREADABLE, order_id="order-2", request_id="r-1", command_digest=b"d" * 16)
    unknown_verb = b"\x52\x03\xfa\x3e\x00"  # field 10, the command, with an empty field 1007
    log = EmbeddedLog.create(data)
    assert log.commands is not None
    await log.commands.append(0, [Entry("order-2", stored.SerializeToString() + unknown_verb)])
    await log.close()


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server with an accepted, a refused, a delayed and a stopped command."""
    data = tmp_path_factory.mktemp("commands")
    asyncio.run(create_log_with_unreadable_command(data))
    with serve_directory(data) as address:
        command_line = CommandLine(address)
        command_line.run("submit", json.dumps(PLACE), "--wait")
        command_line.run("submit", json.dumps(PLACE), "--defer", "--wait")
        command_line.run("submit", json.dumps(CONFIRM), "--not-before", "2099-01-01T08:00:00Z")
        yield command_line


def find_command(command_line: CommandLine, state: str) -> Any:
    [command] = command_line.lines("commands", "list", "--state", state)
    return command


def test_commands_are_listed_by_order_and_state(command_line: CommandLine) -> None:
    states = [command["state"] for command in command_line.lines("commands", "list", "--order", "order-1")]
    assert states == [f"COMMAND_STATE_{state}" for state in ("ACCEPTED", "REFUSED", "PENDING")]
    assert find_command(command_line, "stopped")["stopReason"] == STOP_REASON
    table = command_line.run("commands", "list").stdout
    headings, _, stopped, placed, refused, pending = [line for line in table.splitlines() if line]
    assert headings.split() == ["Submitted", "Command", "Order", "Verb", "State", "Outcome"]
    assert stopped.split(UNREADABLE)[1].split() == ["order-2", "?", "stopped", *STOP_REASON.split()]
    assert placed.split()[3:] == ["order-1", "place", "order", "accepted", "version", "1"]
    assert "ORDER_EXISTS: " in refused
    assert pending.split()[3:] == ["order-1", "confirm", "order", "pending", "-"]


def test_commands_beyond_the_limit_are_reported(command_line: CommandLine) -> None:
    result = command_line.run("commands", "list", "--limit", "3", "--json")
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "There are more rows than 3. --all shows all of them.\n"


def test_command_is_shown_with_its_fields(command_line: CommandLine) -> None:
    delayed = find_command(command_line, "pending")
    rows = command_line.run("commands", "show", delayed["commandId"]).stdout.splitlines()
    fields = dict(" ".join(row.split()).partition(" ")[::2] for row in rows)
    assert (fields["Verb"], fields["State"]) == ("confirm order", "pending")
    assert fields["Fields"] == '{"orderId": "order-1"}'
    assert fields["Not"] == "before 2099-01-01 08:00:00.000Z"
    assert "Expected" not in fields


@pytest.mark.parametrize("command", ["show", "watch", "retry"])
def test_unknown_command_is_reported_with_exit_code_1(command_line: CommandLine, command: str) -> None:
    result = command_line.run("commands", command, "no-such-command")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The server knows no command no-such-command. [COMMAND_NOT_FOUND] ")


@pytest.mark.parametrize(
    ("state", "exit_code", "line"),
    [
        ("accepted", 0, "place order, order order-1: accepted, version 1\n"),
        ("refused", 1, "place order, order order-1: refused, ORDER_EXISTS: "),
    ],
)
def test_watch_of_a_decided_command_shows_its_outcome(
    command_line: CommandLine, state: str, exit_code: int, line: str
) -> None:
    result = command_line.run("commands", "watch", find_command(command_line, state)["commandId"])
    assert result.stdout.startswith(line)
    assert (result.returncode, result.stderr) == (exit_code, "")


def test_stopped_command_is_retried_and_rejected_while_it_is_watched(command_line: CommandLine) -> None:
    watching = command_line.start("commands", "watch", UNREADABLE)
    try:
        assert watching.stdout is not None
        assert watching.stderr is not None
        assert watching.stdout.readline() == f"?, order order-2: stopped, {STOP_REASON}\n"
        warning = f"Command {UNREADABLE} is stopped, and later commands of its order wait: {STOP_REASON}. "
        assert watching.stderr.readline().startswith(warning)
        assert command_line.run("commands", "retry", UNREADABLE).stdout.startswith("?, order order-2: ")
        rejected = command_line.run("commands", "reject", UNREADABLE, "--reason", "wrong shop")
        outcome = "refused, COMMAND_REJECTED: An operator rejected the command: wrong shop\n"
        assert (rejected.returncode, rejected.stdout) == (0, f"?, order order-2: {outcome}")
        assert watching.stdout.read().endswith(outcome)
        assert watching.wait(20) == 1
    finally:
        stop(watching)


def test_decided_command_cannot_be_rejected(command_line: CommandLine) -> None:
    accepted = find_command(command_line, "accepted")
    result = command_line.run("commands", "reject", accepted["commandId"], "--reason", "too late")
    assert (result.returncode, result.stdout) == (1, "place order, order order-1: accepted, version 1\n")


def test_watch_continues_after_a_restart_of_the_server(tmp_path: Path) -> None:
    server, address = start_server(tmp_path)
    command_line = CommandLine(address)
    try:
        [stored] = command_line.lines("submit", json.dumps(PLACE), "--not-before", "2099-01-01")
        watching = command_line.start("commands", "watch", stored["commandId"])
        try:
            assert watching.stdout is not None
            assert watching.stdout.readline() == "place order, order order-1: pending\n"
            stop(server)
            server, _ = start_server(tmp_path, address)
            rejected = command_line.run("commands", "reject", stored["commandId"], "--reason", "no more")
            assert rejected.returncode == 0, rejected.stderr
            *_, outcome = watching.stdout
            assert "COMMAND_REJECTED" in outcome
        finally:
            stop(watching)
    finally:
        stop(server)
