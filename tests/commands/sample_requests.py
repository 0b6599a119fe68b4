"""Sample requests of one order, and the attempts that a handler prepares from them."""

import asyncio
from itertools import count
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from ordertrail.v1 import commands_pb2 as commands
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.prepare import Caller, prepare

ORDER = "order-1"
VERBS: list[Any] = [
    GetMessageClass(field.message_type)
    for field in commands.Command.DESCRIPTOR.oneofs_by_name["verb"].fields
    if field.message_type
]
"""The request class of each verb."""
_id_numbers = count(1)


def new_id() -> str:
    return f"01900000-0000-7000-8000-{next(_id_numbers):012x}"


def build_line(product: str = "apple", quantity: int = 1) -> OrderedLine:
    price = Money(currency_code="EUR", units=5)
    return OrderedLine(product_id=product, quantity=quantity, unit_price=price)


def build_place_order(request_id: str = "place", order_id: str = ORDER, **fields: Any) -> commands.PlaceOrderRequest:
    request = {
        "customer_id": "shop-1",
        "lines": [build_line()],
        "request_id": request_id,
        "order_id": order_id,
        **fields,
    }
    return commands.PlaceOrderRequest(**request)


def build_change_quantity(request_id: str, quantity: int, order_id: str = ORDER, **fields: Any) -> Any:
    request = {"product_id": "apple", "quantity": quantity, "request_id": request_id, "order_id": order_id, **fields}
    return commands.ChangeOrderLineQuantityRequest(**request)


def build_confirm_order(
    request_id: str = "confirm", order_id: str = ORDER, **fields: Any
) -> commands.ConfirmOrderRequest:
    return commands.ConfirmOrderRequest(request_id=request_id, order_id=order_id, **fields)


def prepare_attempt(request: Any) -> Attempt:
    """Return the attempt of a copy of the request, so that the request can be sent again."""
    copy = type(request)()
    copy.CopyFrom(request)
    return prepare(copy, asyncio.get_running_loop().create_future(), Caller(FULL_RIGHTS), new_id)
