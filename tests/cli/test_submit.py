import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.cli.command_line import ORDERTRAIL, CommandLine


@pytest.fixture
def order_id() -> str:
    return f"order-{uuid4()}"


def place(order_id: str) -> dict[str, Any]:
    price = {"currencyCode": "EUR", "units": 5}
    line = {"productId": "p_1", "quantity": 3, "unitPrice": price}
    return {"placeOrder": {"orderId": order_id, "customerId": "shop-1", "lines": [line]}}


def confirm(order_id: str, **fields: str) -> dict[str, Any]:
    return {"confirmOrder": {"orderId": order_id, **fields}}


def write_lines(path: Path, *commands: dict[str, Any]) -> str:
    path.write_text("\n".join(map(json.dumps, commands)))
    return str(path)


def test_submitted_command_is_shown_with_its_ids(ordertrail: CommandLine, order_id: str) -> None:
    result = ordertrail.run("submit", json.dumps(place(order_id)))
    headings, _, row = [line for line in result.stdout.splitlines() if line]
    assert headings.split() == ["Command", "Order", "Verb", "State", "Outcome"]
    assert row.split()[1:] == [order_id, "place", "order", "stored", "-"]
    assert (result.returncode, result.stderr) == (0, "")


def test_commands_of_a_file_are_decided_in_sequence(ordertrail: CommandLine, order_id: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "commands.jsonl", place(order_id), confirm(order_id), confirm(order_id))
    result = ordertrail.run("submit", file, "--wait")
    *_, placed, confirmed, refused = [line for line in result.stdout.splitlines() if line]
    assert placed.split()[-3:] == ["accepted", "version", "1"]
    assert confirmed.split()[-3:] == ["accepted", "version", "2"]
    assert "refused    NOTHING_CHANGES: The order is CONFIRMED already." in refused
    assert (result.returncode, result.stderr) == (1, "")


def test_json_has_the_outcome_of_each_command(ordertrail: CommandLine, order_id: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "commands.jsonl", place(order_id), confirm(order_id, requestId="r-1"))
    placed, confirmed = ordertrail.lines("submit", file, "--wait")
    assert (placed["state"], placed["receipt"]["orderVersion"]) == ("COMMAND_STATE_ACCEPTED", "1")
    assert (confirmed["requestId"], confirmed["actor"]) == ("r-1", "ordertrail submit")
    # With the same request id, submitting again is a retry.
    [repeated] = ordertrail.lines("submit", json.dumps(confirm(order_id, requestId="r-1")))
    assert repeated.pop("consistencyToken")
    assert repeated == {
        "line": 1,
        "commandId": confirmed["commandId"],
        "orderId": order_id,
        "requestId": "r-1",
    }


def test_command_that_is_visibly_wrong_is_refused_at_once_unless_deferred(
    ordertrail: CommandLine, order_id: str
) -> None:
    command = json.dumps(confirm(order_id))
    refusal = ordertrail.run("submit", command)
    assert (refusal.returncode, refusal.stdout) == (1, "")
    assert refusal.stderr.startswith(f"Error: There is no order {order_id}. [ORDER_NOT_FOUND] ")
    deferred = ordertrail.run("submit", command, "--defer", "--wait", "--json")
    assert deferred.returncode == 1
    assert json.loads(deferred.stdout)["state"] == "COMMAND_STATE_REFUSED"


def test_refused_line_does_not_stop_the_others(ordertrail: CommandLine, order_id: str, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "commands.jsonl", confirm(f"no-{order_id}"), place(order_id))
    result = ordertrail.run("submit", file, "--json")
    refused, stored = map(json.loads, result.stdout.splitlines())
    message = f"There is no order no-{order_id}."
    assert refused == {"line": 1, "reason": "ORDER_NOT_FOUND", "message": message}
    assert (stored["line"], stored["orderId"]) == (2, order_id)
    assert result.returncode == 1


def test_commands_are_read_from_standard_input_and_delayed(ordertrail: CommandLine, order_id: str) -> None:
    result = subprocess.run(
        [*ORDERTRAIL, "submit", "-", "--not-before", "2099-01-01", "--json"],
        env=ordertrail.environment,
        input=json.dumps(place(order_id)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    command_id = json.loads(result.stdout)["commandId"]
    [command] = ordertrail.lines("commands", "show", command_id)
    assert (command["state"], command["notBefore"]) == ("COMMAND_STATE_PENDING", "2099-01-01T00:00:00Z")


def test_input_that_holds_no_commands_has_exit_code_2(ordertrail: CommandLine) -> None:
    result = ordertrail.run("submit", '{"confirmOrder": {"orderID": "order-1"}}')
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: Line 1 is not a command: ")


def test_unreachable_server_has_exit_code_1() -> None:
    result = CommandLine("127.0.0.1:1").run("submit", json.dumps(confirm("order-1")))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: The server at 127.0.0.1:1 cannot be reached: is it running there?\n"
