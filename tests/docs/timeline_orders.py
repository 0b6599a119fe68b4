"""The three orders of docs/timeline.md, as records of a log."""

from datetime import datetime

from tests.projections.log_builder import CONFIRMED, LogBuilder, remove

from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import (
    OrderCancelled,
    OrderDelivered,
    OrderedLine,
    OrderLineQuantityChanged,
    OrderPlaced,
    OrderShipped,
    ShippedLine,
)

APPLES = OrderedLine(product_id="apple", quantity=3, unit_price=Money(currency_code="EUR", units=2))
PEAR = OrderedLine(product_id="pear", quantity=1, unit_price=Money(currency_code="EUR", units=5, nanos=500_000_000))
PLUMS = OrderedLine(product_id="plum", quantity=10, unit_price=Money(currency_code="EUR", nanos=125_000_000))
FACTS = [
    ("2026-03-01 09:00", "order-1", OrderPlaced(customer_id="shop-1", lines=[APPLES, PEAR])),
    ("2026-03-01 10:00", "order-1", remove("pear")),
    ("2026-03-02 08:00", "order-1", CONFIRMED),
    (
        "2026-03-02 15:00",
        "order-2",
        OrderPlaced(customer_id="shop-1", lines=[PLUMS], expected_delivery_date=Date(year=2026, month=3, day=15)),
    ),
    ("2026-03-03 09:00", "order-2", OrderCancelled()),
    ("2026-03-03 12:00", "order-1", OrderShipped(lines=[ShippedLine(product_id="apple", quantity=2)])),
    ("2026-03-03 16:00", "order-3", OrderPlaced(customer_id="shop-2", lines=[APPLES])),
    ("2026-03-04 09:30", "order-3", OrderLineQuantityChanged(product_id="apple", quantity=6)),
    ("2026-03-04 12:00", "order-1", OrderShipped(lines=[ShippedLine(product_id="apple", quantity=1)])),
    ("2026-03-05 10:00", "order-3", CONFIRMED),
    ("2026-03-06 12:00", "order-1", OrderDelivered()),
]


def build_timeline_orders() -> LogBuilder:
    builder = LogBuilder()
    for time, order_id, event in FACTS:
        builder.add_fact(order_id, event, int(datetime.fromisoformat(f"{time}+00:00").timestamp()))
    return builder
