import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine, stop


@pytest.fixture(scope="module")
def acks(ordertrail: CommandLine) -> list[Any]:
    """The receipts of one long-lived sample order, in their order."""
    *receipts, _ = ordertrail.record("produce", "30", "--seed", "5", "--life", "1", "--show-acks")
    by_order: dict[str, list[Any]] = {}
    for receipt in receipts:
        by_order.setdefault(receipt["orderId"], []).append(receipt)
    return max(by_order.values(), key=len)


def test_history_of_an_order_has_its_facts_in_order(ordertrail: CommandLine, acks: list[Any]) -> None:
    events = ordertrail.lines("history", acks[0]["orderId"])
    assert [event["digest"] for event in events] == [ack["digest"] for ack in acks]
    assert "orderPlaced" in events[0]


def test_history_of_a_customer_includes_that_of_its_orders(ordertrail: CommandLine, acks: list[Any]) -> None:
    (first_event, *_) = ordertrail.lines("history", acks[0]["orderId"])
    events = ordertrail.lines("history", "--customer", first_event["orderPlaced"]["customerId"])
    digests = {event["digest"] for event in events}
    assert {ack["digest"] for ack in acks} < digests


def test_history_can_be_filtered_by_product(ordertrail: CommandLine, acks: list[Any]) -> None:
    (first_event, *_) = ordertrail.lines("history", acks[0]["orderId"])
    product = first_event["orderPlaced"]["lines"][0]["productId"]
    events = ordertrail.lines("history", acks[0]["orderId"], "--product", product)
    assert 0 < len(events) < len(acks)
    assert all(product in json.dumps(event) for event in events)


def test_history_without_json_is_a_table(ordertrail: CommandLine, acks: list[Any]) -> None:
    result = ordertrail.run("history", acks[0]["orderId"])
    headings, _, *rows = [line for line in result.stdout.splitlines() if line]
    assert headings.split() == ["Recorded", "Order", "Version", "Event", "What"]
    assert len(rows) == len(acks)
    assert "order placed" in rows[0]


def test_followed_history_continues_with_new_events(ordertrail: CommandLine, acks: list[Any]) -> None:
    (first_event, *_) = ordertrail.lines("history", acks[0]["orderId"])
    shop = first_event["orderPlaced"]["customerId"]
    so_far = ordertrail.lines("history", "--customer", shop)
    following = ordertrail.start("history", "--customer", shop, "--follow", "--json")
    try:
        assert following.stdout is not None
        events_read = [json.loads(following.stdout.readline()) for _ in so_far]
        ordertrail.lines("produce", "100", "--life", "0")
        events_read += [json.loads(following.stdout.readline())]
    finally:
        stop(following)
    assert events_read[:-1] == so_far
    assert events_read[-1]["orderPlaced"]["customerId"] == shop
    assert events_read[-1]["digest"] not in {event["digest"] for event in so_far}


def test_order_without_history_is_reported_with_exit_code_1(ordertrail: CommandLine) -> None:
    result = ordertrail.run("history", "nosuch")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: Found no events of order nosuch; check the id.\n"


def test_orders_can_be_filtered(ordertrail: CommandLine, acks: list[Any]) -> None:
    everything = ordertrail.lines("orders", "--all")
    delivered = ordertrail.lines("orders", "--all", "--status", "delivered", "--status", "returned")
    statuses = {"ORDER_STATUS_DELIVERED", "ORDER_STATUS_RETURNED"}
    assert delivered == [order for order in everything if order["status"] in statuses] != []
    of_shop = ordertrail.lines("orders", "--all", "--customer", "shop-1", "--product", "p_10")
    assert of_shop == [
        order
        for order in everything
        if order.get("customerId") == "shop-1" and "p_10" in {line["productId"] for line in order["lines"]}
    ]


def test_orders_beyond_the_limit_are_reported(ordertrail: CommandLine, acks: list[Any]) -> None:
    result = ordertrail.run("orders", "--limit", "3", "--json")
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr == "There are more rows than 3. --all shows all of them.\n"
    table = ordertrail.run("orders", "--limit", "3").stdout
    assert len([line for line in table.splitlines() if line]) == 5


def test_tail_begins_at_an_offset(ordertrail: CommandLine, data: Path, acks: list[Any]) -> None:
    offset = acks[0]["position"]["offset"]
    records = ordertrail.lines("tail", "--data", str(data), "--from", offset)[: len(acks)]
    assert [record["digest"] for record in records] == [ack["digest"] for ack in acks]
    assert records[0]["event"]["orderId"] == acks[0]["orderId"]
    first = ordertrail.run("tail", "--data", str(data), "--from", offset).stdout.splitlines()[0]
    assert first.startswith(f"0:{offset} ")
    assert "order placed" in first


def test_tail_follows_the_log(ordertrail: CommandLine, data: Path, acks: list[Any]) -> None:
    end = len(ordertrail.lines("tail", "--data", str(data)))
    following = ordertrail.start("tail", "--data", str(data), "--from", str(end), "--follow", "--json")
    try:
        assert following.stdout is not None
        receipt, _ = ordertrail.lines("produce", "1", "--life", "0", "--show-acks")
        record = json.loads(following.stdout.readline())
    finally:
        stop(following)
    assert (record["offset"], record["digest"]) == (end, receipt["digest"])


def test_totals_add_up_to_the_quantities_of_all_orders(ordertrail: CommandLine, acks: list[Any]) -> None:
    orders = [order for order in ordertrail.lines("orders", "--all") if order["status"] != "ORDER_STATUS_CANCELLED"]
    totals = ordertrail.lines("totals", "--all")
    for quantity, of_line in (("orderedQuantity", "quantity"), ("shippedQuantity", "shippedQuantity")):
        by_order = sum(int(line.get(of_line, 0)) for order in orders for line in order["lines"])
        assert sum(int(total.get(quantity, 0)) for total in totals) == by_order > 0


def test_totals_can_be_filtered_by_product_and_day(ordertrail: CommandLine, acks: list[Any]) -> None:
    totals = ordertrail.lines("totals", "--all")
    product_id = totals[0]["productId"]
    of_product = ordertrail.lines("totals", "--product", product_id)
    assert of_product == [total for total in totals if total["productId"] == product_id]
    day = date_text(totals[0]["day"])
    assert ordertrail.lines("totals", "--all", "--before", day) == []
    assert ordertrail.lines("totals", "--all", "--from", day) == totals


def test_totals_without_json_are_a_table(ordertrail: CommandLine, acks: list[Any]) -> None:
    result = ordertrail.run("totals", "--limit", "3")
    headings, _, *rows = [line for line in result.stdout.splitlines() if line]
    assert headings.split() == ["Day", "Product", "Ordered", "Shipped", "Returned"]
    assert len(rows) == 3
    assert "more rows than 3" in result.stderr


def date_text(day: dict[str, int]) -> str:
    return f"{day['year']}-{day['month']:02}-{day['day']:02}"


def test_orders_are_listed_as_of_a_receipt(ordertrail: CommandLine, acks: list[Any]) -> None:
    order_id, receipt = acks[0]["orderId"], acks[2]
    orders = ordertrail.lines("orders", "--all", "--as-of", receipt["consistencyToken"])
    assert [order["version"] for order in orders if order["orderId"] == order_id] == ["3"]


def test_orders_are_listed_as_of_a_time(ordertrail: CommandLine, acks: list[Any]) -> None:
    order_id, (*_, last) = acks[0]["orderId"], ordertrail.lines("history", acks[0]["orderId"])
    orders = ordertrail.lines("orders", "--all", "--as-of", last["recordTime"])
    assert [order["version"] for order in orders if order["orderId"] == order_id] == [last["orderVersion"]]
    assert ordertrail.lines("orders", "--as-of", "2001-09-09") == []


def test_moment_that_is_no_time_or_token_is_refused(ordertrail: CommandLine) -> None:
    for moment, code, error in (
        ("2026-13-01", 2, "is not a time such as 2026-03-01T12:30:00Z, or a token"),
        ("3", 2, "is not a time such as"),
        ("nonsense-nonsense-nonsense", 1, "token is not a token of this service"),
        ("2999-01-01", 1, "is in the future: the server's clock is at"),
    ):
        result = ordertrail.run("orders", "--as-of", moment)
        assert (result.returncode, result.stdout) == (code, "")
        assert error in result.stderr


def test_diff_shows_what_changed_between_two_receipts(ordertrail: CommandLine, acks: list[Any]) -> None:
    tokens = [ack["consistencyToken"] for ack in acks]
    arguments = ("diff", "--all", "--from", tokens[0], "--before", tokens[-1])
    [diff] = [diff for diff in ordertrail.lines(*arguments) if diff["after"]["orderId"] == acks[0]["orderId"]]
    assert (diff["before"]["version"], diff["after"]["version"]) == ("1", f"{len(acks)}")
    assert [event["digest"] for event in diff["events"]] == [ack["digest"] for ack in acks[1:]]
    table = ordertrail.run(*arguments).stdout
    assert f"1 → {len(acks)}" in table


def test_diff_without_changes_is_an_empty_table(ordertrail: CommandLine, acks: list[Any]) -> None:
    token = acks[-1]["consistencyToken"]
    result = ordertrail.run("diff", "--from", token, "--before", token)
    headings, _ = [line for line in result.stdout.splitlines() if line]
    assert headings.split() == ["Order", "Version", "Status", "Quantity", "Total", "Events"]
    assert result.returncode == 0
