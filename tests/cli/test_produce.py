from tests.cli.command_line import CommandLine


def test_all_that_is_produced_is_accepted_and_can_be_listed(ordertrail: CommandLine) -> None:
    (counts,) = ordertrail.lines("produce", "200", "--seed", "3", "--life", "1")
    assert (counts["orders"], counts["refused"]) == (200, 0)
    latest = ordertrail.lines("orders", "--limit", "200")
    assert sum(int(order["version"]) for order in latest) == counts["acknowledged"] > 600
    assert {"ORDER_STATUS_CANCELLED", "ORDER_STATUS_DELIVERED", "ORDER_STATUS_RETURNED"} <= {
        order["status"] for order in latest
    }


def test_commands_may_go_one_by_one(ordertrail: CommandLine) -> None:
    (counts,) = ordertrail.lines("produce", "40", "--seed", "3", "--life", "1", "--unary")
    assert (counts["orders"], counts["refused"]) == (40, 0)


def test_each_acknowledgement_can_be_shown_with_its_place_in_the_log(ordertrail: CommandLine) -> None:
    *receipts, counts = ordertrail.lines("produce", "5", "--life", "1", "--show-acks")
    places = [receipt["position"] for receipt in receipts]
    first = int(places[0]["offset"])
    assert [int(place["offset"]) for place in places] == list(range(first, first + counts["acknowledged"]))
    assert {(place["topic"], place.get("partition", 0)) for place in places} == {("orders.events", 0)}


def test_people_read_plain_lines(ordertrail: CommandLine) -> None:
    ended = ordertrail.run("produce", "2", "--life", "0", "--show-acks")
    first, second, counts = ended.stdout.splitlines()
    assert first.startswith("orders.events 0:")
    assert first.endswith("version 1")
    assert second.endswith("version 1")
    assert counts.startswith("2 of 2 orders; 2 commands acknowledged, 0 refused; ")
    assert ended.stderr == ""
