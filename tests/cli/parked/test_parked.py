import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serve_directory, stop
from tests.e2e.releases import build_server_with_failing_upcaster
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

FAULT = "the record holds an event of number 99, which this release does not know"


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server on a log with two orders that are parked, and one that is not."""
    data: Path = tmp_path_factory.mktemp("parked")
    builder = LogBuilder()
    builder.add_fact("fine", PLACED)
    builder.add_fact("order-1", PLACED)
    builder.add_future_event("order-1")
    builder.add_fact("order-1", CONFIRMED)
    builder.add_broken_record("order-2")
    write_log(data, builder.records[0])
    with serve_directory(data) as address:
        command_line = CommandLine(address)
        command_line.wait_until_projected()
        yield command_line


def test_parked_orders_are_listed(command_line: CommandLine) -> None:
    orders = command_line.lines("parked", "list")
    assert [(order["orderId"], order["reason"]) for order in orders] == [
        ("order-1", FAULT),
        ("order-2", "its chain is broken at offset 4"),
    ]
    table = command_line.run("parked", "list").stdout
    headings, _, first, _ = [line for line in table.splitlines() if line]
    assert headings.split() == ["Since", "Order", "Version", "Waiting", "Record", "Reason"]
    assert first.split()[2:6] == ["order-1", "1", "2", "0:2"]


def test_parked_orders_beyond_the_limit_are_reported(command_line: CommandLine) -> None:
    result = command_line.run("parked", "list", "--limit", "1", "--json")
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == "There are more rows than 1. --all shows all of them.\n"


@pytest.mark.parametrize("command", [["parked", "list"], ["orders"]], ids=" ".join)
def test_limit_that_is_not_exceeded_is_not_reported(command_line: CommandLine, command: list[str]) -> None:
    limited, unlimited = (command_line.run(*command, "--limit", limit, "--json") for limit in ("1", "2"))
    assert (len(limited.stdout.splitlines()), len(unlimited.stdout.splitlines())) == (1, 2)
    assert limited.stderr.startswith("There are more rows than 1.")
    assert unlimited.stderr == ""


def test_parked_order_is_shown_with_its_waiting_facts(command_line: CommandLine) -> None:
    [details] = command_line.lines("parked", "show", "order-1")
    assert [event["orderVersion"] for event in details["waiting"]] == ["2", "3"]
    message, *table = command_line.run("parked", "show", "order-1").stdout.splitlines()
    assert message == f"order-1 is parked after version 1: {FAULT}."
    assert [line.split()[:2] for line in table if line.strip().startswith("0:")] == [["0:2", "2"], ["0:3", "3"]]


def test_history_of_a_customer_names_parked_orders_on_stderr(command_line: CommandLine) -> None:
    message = (
        "Order order-1 is parked, so events of it are skipped. `ordertrail parked show order-1` shows the reason.\n"
    )
    listed = command_line.run("history", "--customer", "shop-1", "--json")
    details = [(event["orderId"], event["orderVersion"]) for event in map(json.loads, listed.stdout.splitlines())]
    assert (details, listed.stderr) == ([("fine", "1"), ("order-1", "1")], message)
    following = command_line.start("history", "--customer", "shop-1", "--follow", "--json")
    try:
        assert following.stderr is not None
        assert following.stderr.readline() == message
    finally:
        stop(following)


def test_failed_retry_is_reported_with_exit_code_1(command_line: CommandLine) -> None:
    result = command_line.run("parked", "retry", "order-1")
    assert result.returncode == 1
    assert result.stdout == f"order-1: 0 facts were applied; the order is still parked, and 2 facts wait: {FAULT}.\n"
    in_json = command_line.run("parked", "retry", "order-2", "--json")
    assert in_json.returncode == 1
    assert json.loads(in_json.stdout)["order"]["reason"] == "its chain is broken at offset 4"


@pytest.mark.parametrize("command", ["show", "retry"])
def test_order_that_is_not_parked_is_reported_with_exit_code_1(command_line: CommandLine, command: str) -> None:
    result = command_line.run("parked", command, "fine")
    assert (result.returncode, result.stdout) == (1, "")
    message = "Error: Order fine is not parked. [ORDER_NOT_PARKED] Do nothing: the order can be read.\n"
    assert result.stderr == message


def test_successful_retry_is_reported_with_exit_code_0(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    builder = LogBuilder()
    builder.add_statement("order-1")
    builder.add_fact("order-1", CONFIRMED)
    write_log(data, builder.records[0])
    ill = build_server_with_failing_upcaster(data, tmp_path / "ill").start()
    assert CommandLine(ill.address).lines("parked", "list")
    assert ill.stop() == 0
    with serve_directory(data) as address:
        result = CommandLine(address).run("parked", "retry", "order-1")
        assert result.stdout == "order-1: 2 facts were applied; the order is no longer parked.\n", result.stderr
        assert result.returncode == 0
        assert CommandLine(address).lines("parked", "list") == []
