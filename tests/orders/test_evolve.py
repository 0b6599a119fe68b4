"""The effect of each fact on an order."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.orders.spec import (
    ORDER,
    after,
    build_date,
    build_money,
    build_placed,
    build_shipped,
    fold_order,
    history_event,
    line,
    unpriced,
)

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import (
    OrderConfirmed,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderPlaced,
    OrderShipped,
    OrderSource,
)
from ordertrail.v1.order_pb2 import Order, OrderLine
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED
from ordertrail_server.orders.decide import Event
from ordertrail_server.orders.evolve import CannotFold, evolve, fold


def test_first_fact_creates_the_order() -> None:
    source = OrderSource(reference="17", create_time=Timestamp(seconds=5))
    first = OrderPlaced(
        customer_id="shop-1",
        lines=[line("pen", 3, build_money(1, 500_000_000)), line("ink", 0)],
        expected_delivery_date=build_date(2024, 3, 1),
        source=source,
    )
    assert evolve(None, history_event(first, 1, seconds=1_000)) == Order(
        order_id=ORDER,
        customer_id="shop-1",
        status=ORDER_STATUS_PLACED,
        lines=[
            OrderLine(product_id="pen", quantity=3, unit_price=build_money(1, 500_000_000)),
            OrderLine(product_id="ink", quantity=0, unit_price=build_money(10)),
        ],
        total_amount=build_money(4, 500_000_000),
        total_quantity=3,
        expected_delivery_date=build_date(2024, 3, 1),
        version=1,
        create_time=Timestamp(seconds=1_000),
        update_time=Timestamp(seconds=1_000),
        source=source,
    )


def test_values_missing_in_the_source_stay_absent() -> None:
    order = fold_order(OrderPlaced(lines=[unpriced("pen", 2), line("ink")]))
    for absent in ("customer_id", "total_amount", "expected_delivery_date", "source"):
        assert not order.HasField(absent)
    assert not order.lines[0].HasField("unit_price")
    assert order.total_quantity == 3


def test_free_order_has_a_total_of_0_in_its_currency() -> None:
    assert fold_order(OrderPlaced(lines=[line("pen", 5, build_money(0, currency="XXX"))])).total_amount == build_money(
        0, currency="XXX"
    )


def test_update_time_never_goes_back() -> None:
    facts = [history_event(build_placed(line("pen")), 1, seconds=50), history_event(OrderConfirmed(), 2, seconds=40)]
    order = fold(facts)
    assert order is not None
    assert (order.create_time.seconds, order.update_time.seconds) == (50, 50)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (Timestamp(seconds=50, nanos=4), Timestamp(seconds=50, nanos=5)),
        (Timestamp(seconds=50, nanos=5), Timestamp(seconds=50, nanos=5)),
        (Timestamp(seconds=50, nanos=6), Timestamp(seconds=50, nanos=6)),
        (Timestamp(seconds=49, nanos=6), Timestamp(seconds=50, nanos=5)),
        (Timestamp(seconds=51, nanos=4), Timestamp(seconds=51, nanos=4)),
    ],
)
def test_update_time_never_goes_back_by_a_nanosecond(now: Timestamp, then: Timestamp) -> None:
    first, second = history_event(build_placed(line("pen")), 1), history_event(OrderConfirmed(), 2)
    first.record_time.CopyFrom(Timestamp(seconds=50, nanos=5))
    second.record_time.CopyFrom(now)
    order = fold([first, second])
    assert order is not None
    assert order.update_time == then


def test_update_time_is_time_of_last_fact_to_the_nanosecond() -> None:
    first, second = (
        history_event(build_placed(line("pen")), 1, seconds=50),
        history_event(OrderConfirmed(), 2, seconds=50),
    )
    second.record_time.nanos = 1
    order = fold([first, second])
    assert order is not None
    assert order.update_time == Timestamp(seconds=50, nanos=1)
    assert order.create_time == Timestamp(seconds=50)


def test_fold_continues_from_a_snapshot() -> None:
    facts = [history_event(build_placed(line("pen")), 1), history_event(OrderConfirmed(), 2)]
    assert fold(facts[1:], fold(facts[:1])) == fold(facts)


def test_fold_of_no_facts_is_no_order() -> None:
    assert fold([]) is None


def test_order_without_lines_has_no_total() -> None:
    order = fold_order(build_placed(line("pen", 2)), OrderLineRemoved(product_id="pen"))
    assert not order.HasField("total_amount")
    assert order.total_quantity == 0
    assert after(order, OrderLineAdded(line=line("ink", 2))).total_amount == build_money(20)


def test_line_without_price_clears_total() -> None:
    order = fold_order(build_placed(line("pen", 2)), OrderLineAdded(line=unpriced("ink", 2)))
    assert not order.HasField("total_amount")
    assert order.total_quantity == 4


@pytest.mark.parametrize(
    "event",
    [
        OrderLineQuantityChanged(product_id="ink", quantity=2),
        OrderLineRemoved(product_id="ink"),
        OrderShipped(lines=[build_shipped("pen", 1), build_shipped("ink", 1)]),
    ],
)
def test_fact_about_missing_line_cannot_be_folded(event: Event) -> None:
    with pytest.raises(CannotFold, match="'ink'"):
        after(fold_order(build_placed(line("pen"))), event)


@pytest.mark.parametrize("version", [-1, 0, 1, 3])
def test_fact_with_wrong_version_cannot_be_folded(version: int) -> None:
    with pytest.raises(CannotFold, match="cannot follow on version 1"):
        evolve(fold_order(build_placed(line("pen"))), history_event(OrderConfirmed(), version))


def test_first_fact_must_be_order_placed() -> None:
    with pytest.raises(CannotFold, match="order_confirmed"):
        evolve(None, history_event(OrderConfirmed(), 1))


def test_order_placed_cannot_follow_on_existing_order() -> None:
    with pytest.raises(CannotFold, match="order_placed"):
        after(fold_order(build_placed(line("pen"))), build_placed(line("pen")))


def test_event_of_unknown_kind_cannot_be_folded() -> None:
    with pytest.raises(CannotFold, match="an unknown event"):
        evolve(fold_order(build_placed(line("pen"))), HistoryEvent(order_id=ORDER, order_version=2))


def test_total_beyond_range_of_money_raises_an_error() -> None:
    lines = [line(f"p-{number}", 1_000_000, build_money(1_000_000_000_000)) for number in range(10)]
    with pytest.raises(ValueError, match="range"):
        fold_order(build_placed(*lines))
