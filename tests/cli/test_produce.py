from tests.cli.command_line import CommandLine


def test_produced_orders_are_accepted_and_listed(ordertrail: CommandLine) -> None:
    (counts,) = ordertrail.record("produce", "200", "--seed", "3", "--life", "1")
    assert (counts["orders"], counts["refused"]) == (200, 0)
    latest = ordertrail.lines("orders", "--limit", "200")
    assert sum(int(order["version"]) for order in latest) == counts["acknowledged"] > 600
    assert {"ORDER_STATUS_CANCELLED", "ORDER_STATUS_DELIVERED", "ORDER_STATUS_RETURNED"} <= {
        order["status"] for order in latest
    }


def test_commands_can_be_sent_one_by_one(ordertrail: CommandLine) -> None:
    (counts,) = ordertrail.lines("produce", "40", "--seed", "3", "--life", "1", "--unary")
    assert (counts["orders"], counts["refused"]) == (40, 0)


def test_acknowledgements_have_the_position_in_the_log(ordertrail: CommandLine) -> None:
    *receipts, counts = ordertrail.lines("produce", "5", "--life", "1", "--show-acks")
    positions = [receipt["position"] for receipt in receipts]
    first = int(positions[0]["offset"])
    assert [int(position["offset"]) for position in positions] == list(range(first, first + counts["acknowledged"]))
    assert {(position["topic"], position.get("partition", 0)) for position in positions} == {("orders.events", 0)}


def test_acknowledgements_without_json_are_lines(ordertrail: CommandLine) -> None:
    result = ordertrail.run("produce", "2", "--life", "0", "--show-acks")
    first, second, counts = result.stdout.splitlines()
    assert first.startswith("orders.events 0:")
    assert first.endswith("version 1")
    assert second.endswith("version 1")
    assert counts.startswith("2 of 2 orders; 2 commands acknowledged, 0 refused; ")
    assert result.stderr == ""
