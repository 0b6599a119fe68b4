"""The products that an event names."""

import pytest
from google.protobuf.descriptor import Descriptor
from tests.orders.spec import CASE_OF, build_placed, build_shipped, history_event, line
from tests.orders.variants import TEXTS, fill_message, leaves, list_messages

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderConfirmed,
    OrderDelivered,
    OrderDeliveryRescheduled,
    OrderLineAdded,
    OrderLineQuantityChanged,
    OrderLineRemoved,
    OrderReturned,
    OrderShipped,
)
from ordertrail_server.orders.decide import Event
from ordertrail_server.orders.products import products_named

NAMED: list[tuple[Event, list[str]]] = [
    (build_placed(line("pen"), line("ink")), ["pen", "ink"]),
    (build_placed(line("pen"), line("ink"), line("pen")), ["pen", "ink"]),
    (OrderLineAdded(line=line("pen")), ["pen"]),
    (OrderLineQuantityChanged(product_id="pen", quantity=1), ["pen"]),
    (OrderLineRemoved(product_id="pen"), ["pen"]),
    (OrderShipped(lines=[build_shipped("ink", 1), build_shipped("pen", 1)]), ["ink", "pen"]),
    (OrderDeliveryRescheduled(), []),
    (OrderConfirmed(), []),
    (OrderDelivered(), []),
    (OrderCancelled(), []),
    (OrderReturned(), []),
]


@pytest.mark.parametrize(("event", "products"), NAMED)
def test_event_names_each_of_its_products_once(event: Event, products: list[str]) -> None:
    assert products_named(history_event(event, 1)) == products


def test_every_kind_of_event_has_an_example() -> None:
    assert {event.DESCRIPTOR for event, _ in NAMED} == set(CASE_OF)


@pytest.mark.parametrize(
    "event", list_messages(HistoryEvent.DESCRIPTOR.oneofs_by_name["event"]), ids=lambda of: of.name
)
def test_event_with_a_product_id_names_that_product(event: Descriptor) -> None:
    holds_product = any(path[-1].name == "product_id" for path in leaves(event))
    assert products_named(history_event(fill_message(event), 1)) == ([TEXTS[0]] if holds_product else [])


def test_event_of_unknown_kind_names_no_product() -> None:
    assert products_named(HistoryEvent()) == []
