import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serving, stop
from tests.e2e.releases import ill_process
from tests.projections.story import CONFIRMED, PLACED, Story, write_log

FAULT = "the record holds an event of number 99, which this release does not know"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server on a log with two orders that are parked, and one that is not."""
    data: Path = tmp_path_factory.mktemp("troubled")
    story = Story()
    story.fact("fine", PLACED)
    story.fact("order-1", PLACED)
    story.future("order-1")
    story.fact("order-1", CONFIRMED)
    story.broken("order-2")
    write_log(data, story.records[0])
    with serving(data) as address:
        yield CommandLine(address)


def test_parked_orders_are_listed(troubled: CommandLine) -> None:
    found = troubled.lines("parked", "list")
    assert [(order["orderId"], order["reason"]) for order in found] == [
        ("order-1", FAULT),
        ("order-2", "its chain is broken at offset 4"),
    ]
    table = troubled.run("parked", "list").stdout
    headings, _, first, _ = [line for line in table.splitlines() if line]
    assert headings.split() == ["Since", "Order", "Version", "Waiting", "Record", "Reason"]
    assert first.split()[2:6] == ["order-1", "1", "2", "0:2"]


def test_more_of_them_than_asked_for_are_said_to_be_there(troubled: CommandLine) -> None:
    ended = troubled.run("parked", "list", "--limit", "1", "--json")
    assert len(ended.stdout.splitlines()) == 1
    assert ended.stderr == "There are more rows than 1. --all shows all of them.\n"


@pytest.mark.parametrize("command", [["parked", "list"], ["orders"]], ids=" ".join)
def test_limit_that_all_are_within_says_nothing_of_more(troubled: CommandLine, command: list[str]) -> None:
    limited, within = (troubled.run(*command, "--limit", limit, "--json") for limit in ("1", "2"))
    assert (len(limited.stdout.splitlines()), len(within.stdout.splitlines())) == (1, 2)
    assert limited.stderr.startswith("There are more rows than 1.")
    assert within.stderr == ""


def test_a_parked_order_is_shown_with_what_waits(troubled: CommandLine) -> None:
    [shown] = troubled.lines("parked", "show", "order-1")
    assert [event["orderVersion"] for event in shown["waiting"]] == ["2", "3"]
    said, *table = troubled.run("parked", "show", "order-1").stdout.splitlines()
    assert said == f"order-1 is parked after version 1: {FAULT}."
    assert [line.split()[:2] for line in table if line.strip().startswith("0:")] == [["0:2", "2"], ["0:3", "3"]]


def test_a_history_of_many_orders_says_on_stderr_of_which_events_are_left_out(troubled: CommandLine) -> None:
    said = "Order order-1 is parked, so events of it are skipped. `ordertrail parked show order-1` shows the reason.\n"
    listed = troubled.run("history", "--customer", "shop-1", "--json")
    shown = [(event["orderId"], event["orderVersion"]) for event in map(json.loads, listed.stdout.splitlines())]
    assert (shown, listed.stderr) == ([("fine", "1"), ("order-1", "1")], said)
    following = troubled.start("history", "--customer", "shop-1", "--follow", "--json")
    try:
        assert following.stderr is not None
        assert following.stderr.readline() == said
    finally:
        stop(following)


def test_a_retry_that_does_not_help_exits_with_1_and_says_why(troubled: CommandLine) -> None:
    ended = troubled.run("parked", "retry", "order-1")
    assert ended.returncode == 1
    assert ended.stdout == f"order-1: 0 facts were applied; the order is still parked, and 2 facts wait: {FAULT}.\n"
    in_json = troubled.run("parked", "retry", "order-2", "--json")
    assert in_json.returncode == 1
    assert json.loads(in_json.stdout)["order"]["reason"] == "its chain is broken at offset 4"


@pytest.mark.parametrize("command", ["show", "retry"])
def test_an_order_that_is_not_parked_is_told_and_exits_with_1(troubled: CommandLine, command: str) -> None:
    ended = troubled.run("parked", command, "fine")
    assert (ended.returncode, ended.stdout) == (1, "")
    told = "Error: Order fine is not parked. [ORDER_NOT_PARKED] Nothing: the order can be read.\n"
    assert ended.stderr == told


def test_a_retry_that_helps_says_so_and_exits_with_0(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    story = Story()
    story.statement("order-1")
    story.fact("order-1", CONFIRMED)
    write_log(data, story.records[0])
    ill = ill_process(data, tmp_path / "ill").start()
    assert CommandLine(ill.address).lines("parked", "list")
    assert ill.stop() == 0
    with serving(data) as address:
        ended = CommandLine(address).run("parked", "retry", "order-1")
        assert ended.stdout == "order-1: 2 facts were applied; the order is no longer parked.\n", ended.stderr
        assert ended.returncode == 0
        assert CommandLine(address).lines("parked", "list") == []
