"""Invariants of every order under any sequence of commands."""

from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings, strategies as st
from tests.orders.rules_table import TABLE
from tests.orders.spec import CASE_OF, ORDER, history_event

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, OrderShipped, ShippedLine
from ordertrail.v1.order_pb2 import Order
from ordertrail.v1.order_status_pb2 import (
    ORDER_STATUS_PARTLY_SHIPPED,
    ORDER_STATUS_SHIPPED,
    OrderStatus,
)
from ordertrail_server.orders.decide import Command, decide
from ordertrail_server.orders.evolve import evolve, fold
from ordertrail_server.orders.refusal import Refusal

PRODUCTS = st.sampled_from(["pen", "ink", "pad"])
QUANTITIES = st.integers(1, 4) | st.integers(1, 4) | st.integers(1, 1_000_000)
UNITS = st.integers(0, 9) | st.integers(0, 1_000_000) | st.sampled_from([499_999_999_999, 1_000_000_000_000])
NANOS = st.integers(0, 999_999_999)
DAYS = st.builds(Date, year=st.just(2023), month=st.integers(2, 4), day=st.integers(28, 31))
REASONS = st.none() | st.text(max_size=3)


def prices(currencies: list[str]) -> st.SearchStrategy[Money]:
    return st.builds(Money, currency_code=st.sampled_from(currencies), units=UNITS, nanos=NANOS)


NEW_LINES = st.builds(
    OrderedLine, product_id=PRODUCTS, quantity=QUANTITIES, unit_price=prices(["EUR"] * 18 + ["USD", "XXX"])
)
OLD_LINES = st.builds(
    OrderedLine,
    product_id=PRODUCTS,
    quantity=st.integers(0, 3),
    unit_price=st.none() | prices(["EUR"] * 18 + ["XXX"]),
)
SHIPMENTS = st.lists(st.builds(ShippedLine, product_id=PRODUCTS, quantity=st.just(1) | st.integers(1, 3)), max_size=2)

ON_ORDER = st.just(ORDER)
PLACE: st.SearchStrategy[Command] = st.builds(
    PlaceOrderRequest,
    order_id=ON_ORDER,
    customer_id=st.just("shop-1"),
    lines=st.lists(NEW_LINES, min_size=1, max_size=3, unique_by=lambda line: line.product_id),
    expected_delivery_date=st.none() | DAYS,
)
IMPORT: st.SearchStrategy[Command] = st.builds(
    OrderPlaced,
    customer_id=st.none() | st.just("shop-1"),
    lines=st.lists(OLD_LINES, min_size=1, max_size=3, unique_by=lambda line: line.product_id),
)
CHANGE: st.SearchStrategy[Command] = st.one_of(
    st.builds(AddOrderLineRequest, order_id=ON_ORDER, line=NEW_LINES),
    st.builds(ChangeOrderLineQuantityRequest, order_id=ON_ORDER, product_id=PRODUCTS, quantity=QUANTITIES),
    st.builds(RemoveOrderLineRequest, order_id=ON_ORDER, product_id=PRODUCTS),
    st.builds(RescheduleDeliveryRequest, order_id=ON_ORDER, expected_delivery_date=DAYS),
)
CONFIRM: st.SearchStrategy[Command] = st.builds(ConfirmOrderRequest, order_id=ON_ORDER)
SHIP: st.SearchStrategy[Command] = st.builds(ShipOrderRequest, order_id=ON_ORDER, lines=SHIPMENTS)
SHIP_ONE: st.SearchStrategy[Command] = st.builds(
    ShipOrderRequest,
    order_id=ON_ORDER,
    lines=PRODUCTS.map(lambda product: [ShippedLine(product_id=product, quantity=1)]),
)
DELIVER: st.SearchStrategy[Command] = st.builds(DeliverOrderRequest, order_id=ON_ORDER)
CANCEL: st.SearchStrategy[Command] = st.builds(CancelOrderRequest, order_id=ON_ORDER, reason=REASONS)
RETURN: st.SearchStrategy[Command] = st.builds(ReturnOrderRequest, order_id=ON_ORDER, reason=REASONS)
ANY = PLACE | IMPORT | CHANGE | CONFIRM | SHIP | DELIVER | CANCEL | RETURN
TYPICAL_PHASES = (PLACE | IMPORT, CHANGE, CONFIRM, SHIP_ONE | SHIP | CHANGE, SHIP, DELIVER | RETURN, RETURN)


@st.composite
def command_sequences(draw: st.DrawFn) -> list[Command]:
    """Generate commands, many of them in a sensible sequence, so that orders reach late statuses."""
    sequence = draw(st.lists(ANY, max_size=1))
    for phase in TYPICAL_PHASES[: draw(st.sampled_from(range(len(TYPICAL_PHASES) + 1)))]:
        sequence += draw(st.lists(phase, min_size=1, max_size=4))
        sequence += draw(st.lists(ANY, max_size=1))
    return sequence


def accepted_steps(commands: list[Command]) -> Iterator[tuple[Order | None, Command, HistoryEvent, Order]]:
    """Yield for each accepted command: the order before it, the command, its event, and the order after it."""
    order: Order | None = None
    for command in commands:
        outcome = decide(order, command)
        if not isinstance(outcome, Refusal):
            event = history_event(outcome, 1 if order is None else order.version + 1)
            before, order = order, evolve(order, event)
            yield before, command, event, order


def in_nanos(money: Money) -> int:
    return money.units * 10**9 + money.nanos


def word(status: OrderStatus.ValueType) -> str:
    return OrderStatus.Name(status).removeprefix("ORDER_STATUS_")


STEPS = {(status, after) for (_, status), after in TABLE.items() if after.isupper()} | {("CONFIRMED", "SHIPPED")}
"""(status before, status after), read from the documented table."""


@given(command_sequences())
def test_totals_always_equal_the_sum_over_the_lines(commands: list[Command]) -> None:
    for _, _, _, order in accepted_steps(commands):
        assert order.total_quantity == sum(line.quantity for line in order.lines)
        priced = [line for line in order.lines if line.HasField("unit_price")]
        assert order.HasField("total_amount") == (len(priced) == len(order.lines) > 0)
        total = sum(in_nanos(line.unit_price) * line.quantity for line in priced)
        assert total <= 10**21
        if order.HasField("total_amount"):
            assert in_nanos(order.total_amount) == total
            assert {order.total_amount.currency_code} == {line.unit_price.currency_code for line in priced}


@given(command_sequences())
def test_lines_of_an_order_always_satisfy_their_bounds(commands: list[Command]) -> None:
    for _, _, _, order in accepted_steps(commands):
        products = [line.product_id for line in order.lines]
        assert 1 <= len(products) == len(set(products)) <= 200
        assert all(0 <= line.shipped_quantity <= line.quantity for line in order.lines)
        assert len({line.unit_price.currency_code for line in order.lines if line.HasField("unit_price")}) <= 1


@given(command_sequences())
def test_status_agrees_with_shipped_quantities(commands: list[Command]) -> None:
    for _, _, _, order in accepted_steps(commands):
        shipped = sum(line.shipped_quantity for line in order.lines)
        if order.status == ORDER_STATUS_PARTLY_SHIPPED:
            assert 0 < shipped < order.total_quantity
        if order.status == ORDER_STATUS_SHIPPED:
            assert shipped == order.total_quantity > 0


@given(command_sequences())
def test_versions_are_consecutive_and_status_changes_are_documented(commands: list[Command]) -> None:
    for version, (before, _, _, order) in enumerate(accepted_steps(commands), 1):
        assert order.version == version
        assert ("no order" if before is None else word(before.status), word(order.status)) in STEPS


@given(command_sequences())
def test_decide_and_evolve_do_not_change_their_arguments(commands: list[Command]) -> None:
    order: Order | None = None
    for command in commands:
        given_order, given_command = order and order.SerializeToString(), command.SerializeToString()
        outcome = decide(order, command)
        assert (order and order.SerializeToString(), command.SerializeToString()) == (given_order, given_command)
        if isinstance(outcome, Refusal):
            continue
        event = history_event(outcome, 1 if order is None else order.version + 1)
        given_event = event.SerializeToString()
        after = evolve(order, event)
        assert (order and order.SerializeToString(), event.SerializeToString()) == (given_order, given_event)
        order = after


@given(command_sequences())
def test_repeated_command_is_refused_unless_it_ships_more(commands: list[Command]) -> None:
    for _, command, event, order in accepted_steps(commands):
        again = decide(order, command)
        if isinstance(again, OrderShipped):
            assert isinstance(command, ShipOrderRequest)
            assert list(again.lines) == list(event.order_shipped.lines)
        else:
            assert isinstance(again, Refusal)


@given(command_sequences())
def test_fold_from_any_snapshot_leads_to_the_same_order(commands: list[Command]) -> None:
    sequence = list(accepted_steps(commands))
    events, states = [event for _, _, event, _ in sequence], [order for _, _, _, order in sequence]
    for number, snapshot in enumerate(states, 1):
        assert fold(events[:number]) == snapshot
        assert fold(events[number:], snapshot) == states[-1]


@given(ANY, command_sequences())
def test_every_command_on_every_order_leads_to_event_or_refusal(command: Command, commands: list[Command]) -> None:
    states = [None, *[order for _, _, _, order in accepted_steps(commands)]]
    for order in states:
        outcome = decide(order, command)
        assert isinstance(outcome, Refusal) or outcome.DESCRIPTOR in CASE_OF


def test_generated_commands_cover_every_documented_status_change() -> None:
    observed_steps = set()

    @settings(derandomize=True, database=None, max_examples=400, suppress_health_check=list(HealthCheck))
    @given(command_sequences())
    def run(commands: list[Command]) -> None:
        for before, _, _, order in accepted_steps(commands):
            observed_steps.add(("no order" if before is None else word(before.status), word(order.status)))

    run()
    assert observed_steps == STEPS
