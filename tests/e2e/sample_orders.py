"""Sample orders, and commands on them."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from random import Random

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
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
from ordertrail.v1.order_import_service_pb2 import ImportResult, SourceDocument
from ordertrail.values import day, line, shipped

_numbers = count(1)


def new_id(kind: str) -> str:
    return f"{kind}-{next(_numbers)}"


def build_order(order_id: str = "", request_id: str = "", customer: str = "shop-1") -> PlaceOrderRequest:
    lines = [line("p_1", 10, "2.50", "EUR"), line("p_2", 5, "1.25", "EUR")]
    return PlaceOrderRequest(
        customer_id=customer, lines=lines, order_id=order_id, request_id=request_id or new_id("place")
    )


def build_order_commands(order_id: str, random: Random) -> Iterator[Request]:
    """Yield random commands that take one order from placed to its final status. None is refused."""
    request_ids = (f"{order_id}/{number}" for number in count(1))
    yield build_order(order_id, next(request_ids), customer=f"shop-{random.randrange(20)}")
    yield AddOrderLineRequest(order_id=order_id, line=line("p_3", 7, "0.10", "EUR"), request_id=next(request_ids))
    for step in range(random.randrange(30)):
        yield ChangeOrderLineQuantityRequest(
            order_id=order_id, product_id="p_1", quantity=20 + step, request_id=next(request_ids)
        )
    yield RemoveOrderLineRequest(order_id=order_id, product_id="p_2", request_id=next(request_ids))
    delivery_date = day(date(2031, 1, 1) + timedelta(days=random.randrange(1000)))
    yield RescheduleDeliveryRequest(
        order_id=order_id, expected_delivery_date=delivery_date, request_id=next(request_ids)
    )
    yield ConfirmOrderRequest(order_id=order_id, request_id=next(request_ids))
    if random.random() < 0.2:
        yield CancelOrderRequest(order_id=order_id, reason="no longer wanted", request_id=next(request_ids))
        return
    yield ShipOrderRequest(
        order_id=order_id, lines=[shipped("p_1", 3), shipped("p_3", 1)], request_id=next(request_ids)
    )
    yield ShipOrderRequest(order_id=order_id, request_id=next(request_ids))
    yield DeliverOrderRequest(order_id=order_id, request_id=next(request_ids))
    if random.random() < 0.2:
        yield ReturnOrderRequest(order_id=order_id, request_id=next(request_ids))


async def import_documents(orders: OrderTrail, *documents: bytes, origin: str = "") -> list[ImportResult]:
    """Import documents, each from a new origin unless one is given."""
    sources = [SourceDocument(origin=origin or new_id("origin"), json=document) for document in documents]
    return [result async for result in orders.import_documents(sources)]
