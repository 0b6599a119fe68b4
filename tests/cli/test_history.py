"""`ordertrail history`: filters, directions, and the past of an order."""

from typing import Any

import pytest
from click.testing import CliRunner
from tests.cli.command_line import CommandLine

from ordertrail.v1.order_events_pb2 import OrderEventType
from ordertrail_server.cli.history import TYPES, history
from ordertrail_server.cli.moment_type import parse_moment

Event = dict[str, Any]


@pytest.fixture(scope="module")
def receipts(ordertrail: CommandLine) -> list[Any]:
    """The receipts of one sample order that was changed at least twice, in their order."""
    *receipts, _ = ordertrail.record("produce", "20", "--seed", "7", "--life", "1", "--show-acks")
    by_order: dict[str, list[Any]] = {}
    for receipt in receipts:
        by_order.setdefault(receipt["orderId"], []).append(receipt)
    longest = max(by_order.values(), key=len)
    assert len(longest) > 2
    return longest


@pytest.fixture(scope="module")
def events(ordertrail: CommandLine, receipts: list[Any]) -> list[Event]:
    """The events of that order."""
    return ordertrail.lines("history", receipts[0]["orderId"])


def order_of(events: list[Event]) -> str:
    return str(events[0]["orderId"])


def test_newest_event_comes_first_on_request(ordertrail: CommandLine, events: list[Event]) -> None:
    assert ordertrail.lines("history", order_of(events), "--newest-first") == events[::-1]


def test_events_are_filtered_by_type_and_half_open_interval_of_time(
    ordertrail: CommandLine, events: list[Event]
) -> None:
    times = [event["recordTime"] for event in events]
    assert ordertrail.lines("history", order_of(events), "--type", "order-placed") == events[:1]
    assert ordertrail.lines("history", order_of(events), "--from", times[1]) == events[1:]
    assert ordertrail.lines("history", order_of(events), "--before", times[1]) == events[:1]
    both = ("--from", times[0], "--before", times[2], "--newest-first")
    assert ordertrail.lines("history", order_of(events), *both) == events[1::-1]


@pytest.mark.parametrize("options", [(), ("--newest-first",)])
def test_as_of_shows_events_up_to_any_kind_of_point_and_the_order_then(
    ordertrail: CommandLine, receipts: list[Any], events: list[Event], options: tuple[str, ...]
) -> None:
    for point in ("2", events[1]["recordTime"], receipts[1]["consistencyToken"]):
        *shown_events, last = ordertrail.lines("history", order_of(events), "--as-of", point, *options)
        assert shown_events == (events[1::-1] if options else events[:2])
        assert last["order"]["version"] == "2"
        assert last["order"]["updateTime"] == events[1]["recordTime"]


def test_as_of_without_json_prints_the_order_and_its_lines_as_tables(
    ordertrail: CommandLine, events: list[Event]
) -> None:
    result = ordertrail.run("history", order_of(events), "--as-of", "1")
    lines = [line.split() for line in result.stdout.splitlines() if line.strip(" ─")]
    assert lines[0] == ["Recorded", "Order", "Version", "Event", "What"]
    assert lines[2][:4] == ["Created", "Order", "Version", "Customer"]
    assert lines[4] == ["Product", "Quantity", "Shipped", "Unit", "price"]
    assert len(lines) == 5 + len(events[0]["orderPlaced"]["lines"])


def test_order_that_did_not_exist_at_the_point_is_reported_with_exit_code_1(
    ordertrail: CommandLine, events: list[Event]
) -> None:
    for point in ("1999-12-31", "99"):
        result = ordertrail.run("history", order_of(events), "--as-of", point)
        assert (result.returncode, result.stdout) == (1, "")
        assert "exist" in result.stderr


def test_conditions_that_no_event_meets_are_reported(ordertrail: CommandLine, events: list[Event]) -> None:
    result = ordertrail.run("history", order_of(events), "--before", "1999-12-31")
    assert (result.returncode, result.stdout) == (1, "")
    expected = f"Error: Found no events of order {order_of(events)} that meet the conditions; check the id.\n"
    assert result.stderr == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--customer", "shop-1", "--as-of", "1"], "--as-of needs ORDER_ID."),
        (["o", "--follow", "--newest-first"], "--follow excludes"),
        (["o", "--follow", "--as-of", "1"], "--follow excludes"),
        (["o", "--as-of", "yesterday"], "is not a version such as 3, a time such as"),
        (["o", "--from", "2026-02-30"], "is not a time, such as"),
        (["o", "--type", "placed"], "is not one of"),
    ],
)
def test_wrong_options_are_explained(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(history, arguments)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_every_type_of_event_can_be_chosen() -> None:
    _, *names = (name.removeprefix("ORDER_EVENT_TYPE_") for name, _ in OrderEventType.items())
    assert list(TYPES) == [name.replace("_", "-").lower() for name in names]


@pytest.mark.parametrize(
    ("text", "json_text"),
    [
        ("2026-03-01", "2026-03-01T00:00:00Z"),
        ("2026-03-01 12:30", "2026-03-01T12:30:00Z"),
        ("2026-03-01T12:30:05.123456789Z", "2026-03-01T12:30:05.123456789Z"),
        ("2026-03-01T12:30:05.5+02:00", "2026-03-01T10:30:05.500Z"),
        ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.250Z"),
    ],
)
def test_times_are_read_to_the_nanosecond_and_in_utc_by_default(text: str, json_text: str) -> None:
    assert parse_moment(text).ToJsonString() == json_text
