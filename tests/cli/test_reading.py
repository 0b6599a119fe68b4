import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine, stop


@pytest.fixture(scope="module")
def acks(ordertrail: CommandLine) -> list[Any]:
    """The receipts of one long-lived sample order, in their order."""
    *receipts, _ = ordertrail.lines("produce", "30", "--seed", "5", "--life", "1", "--show-acks")
    by_order: dict[str, list[Any]] = {}
    for receipt in receipts:
        by_order.setdefault(receipt["orderId"], []).append(receipt)
    return max(by_order.values(), key=len)


def test_an_order_s_history_has_its_facts_in_order(ordertrail: CommandLine, acks: list[Any]) -> None:
    events = ordertrail.lines("history", acks[0]["orderId"])
    assert [event["digest"] for event in events] == [ack["digest"] for ack in acks]
    assert "orderPlaced" in events[0]


def test_a_customer_s_history_holds_its_orders_histories(ordertrail: CommandLine, acks: list[Any]) -> None:
    (placed, *_) = ordertrail.lines("history", acks[0]["orderId"])
    events = ordertrail.lines("history", "--customer", placed["orderPlaced"]["customerId"])
    digests = {event["digest"] for event in events}
    assert {ack["digest"] for ack in acks} < digests


def test_a_history_may_be_of_one_product(ordertrail: CommandLine, acks: list[Any]) -> None:
    (placed, *_) = ordertrail.lines("history", acks[0]["orderId"])
    product = placed["orderPlaced"]["lines"][0]["productId"]
    events = ordertrail.lines("history", acks[0]["orderId"], "--product", product)
    assert 0 < len(events) < len(acks)
    assert all(product in json.dumps(event) for event in events)


def test_people_read_a_table(ordertrail: CommandLine, acks: list[Any]) -> None:
    ended = ordertrail.run("history", acks[0]["orderId"])
    headings, _, *rows = [line for line in ended.stdout.splitlines() if line]
    assert headings.split() == ["Recorded", "Order", "Version", "Event", "What"]
    assert len(rows) == len(acks)
    assert "order placed" in rows[0]


def test_following_goes_on_with_new_events(ordertrail: CommandLine, acks: list[Any]) -> None:
    (placed, *_) = ordertrail.lines("history", acks[0]["orderId"])
    shop = placed["orderPlaced"]["customerId"]
    so_far = ordertrail.lines("history", "--customer", shop)
    following = ordertrail.start("history", "--customer", shop, "--follow", "--json")
    try:
        assert following.stdout is not None
        seen = [json.loads(following.stdout.readline()) for _ in so_far]
        ordertrail.lines("produce", "100", "--life", "0")
        seen += [json.loads(following.stdout.readline())]
    finally:
        stop(following)
    assert seen[:-1] == so_far
    assert seen[-1]["orderPlaced"]["customerId"] == shop
    assert seen[-1]["digest"] not in {event["digest"] for event in so_far}


def test_an_order_without_history_is_said_and_exits_with_1(ordertrail: CommandLine) -> None:
    ended = ordertrail.run("history", "nosuch")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "Error: Found no events of order nosuch; check the id.\n"


def test_orders_are_filtered(ordertrail: CommandLine, acks: list[Any]) -> None:
    everything = ordertrail.lines("orders", "--all")
    delivered = ordertrail.lines("orders", "--all", "--status", "delivered", "--status", "returned")
    wanted = {"ORDER_STATUS_DELIVERED", "ORDER_STATUS_RETURNED"}
    assert delivered == [order for order in everything if order["status"] in wanted] != []
    of_shop = ordertrail.lines("orders", "--all", "--customer", "shop-1", "--product", "p_10")
    assert of_shop == [
        order
        for order in everything
        if order.get("customerId") == "shop-1" and "p_10" in {line["productId"] for line in order["lines"]}
    ]


def test_orders_beyond_the_limit_are_said_to_be_there(ordertrail: CommandLine, acks: list[Any]) -> None:
    ended = ordertrail.run("orders", "--limit", "3", "--json")
    assert len(ended.stdout.splitlines()) == 3
    assert ended.stderr == "There are more rows than 3. --all shows all of them.\n"
    table = ordertrail.run("orders", "--limit", "3").stdout
    assert len([line for line in table.splitlines() if line]) == 5


def test_the_log_is_shown_from_an_offset(ordertrail: CommandLine, data: Path, acks: list[Any]) -> None:
    offset = acks[0]["position"]["offset"]
    records = ordertrail.lines("tail", "--data", str(data), "--from", offset)[: len(acks)]
    assert [record["digest"] for record in records] == [ack["digest"] for ack in acks]
    assert records[0]["event"]["orderId"] == acks[0]["orderId"]
    first = ordertrail.run("tail", "--data", str(data), "--from", offset).stdout.splitlines()[0]
    assert first.startswith(f"0:{offset} ")
    assert "order placed" in first


def test_the_log_is_followed(ordertrail: CommandLine, data: Path, acks: list[Any]) -> None:
    end = len(ordertrail.lines("tail", "--data", str(data)))
    following = ordertrail.start("tail", "--data", str(data), "--from", str(end), "--follow", "--json")
    try:
        assert following.stdout is not None
        receipt, _ = ordertrail.lines("produce", "1", "--life", "0", "--show-acks")
        record = json.loads(following.stdout.readline())
    finally:
        stop(following)
    assert (record["offset"], record["digest"]) == (end, receipt["digest"])
