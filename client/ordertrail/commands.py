"""One function a verb: plain Python arguments to the verb's request.

Each takes, by keyword, what all commands share:

`request_id`        the caller's name for this command; a UUID4 when none is given (AIP-155), so a retry is safe
`expected_version`  the version that the order is believed to have; on another the server refuses (VersionMismatch)
`validate_only`     only say what would happen, and record nothing (AIP-163)
"""

from collections.abc import Iterable
from datetime import date
from typing import TypedDict, TypeVar, Unpack
from uuid import uuid4

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    Command,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    RescheduleDeliveryRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.order_events_pb2 import OrderedLine, ShippedLine
from ordertrail.values import day

__all__ = [
    "CommandOptions",
    "Request",
    "add_line",
    "as_command",
    "cancel",
    "change_line_quantity",
    "confirm",
    "deliver",
    "named",
    "place",
    "remove_line",
    "reschedule_delivery",
    "return_",
    "ship",
]

Request = (
    PlaceOrderRequest
    | AddOrderLineRequest
    | ChangeOrderLineQuantityRequest
    | RemoveOrderLineRequest
    | RescheduleDeliveryRequest
    | ConfirmOrderRequest
    | ShipOrderRequest
    | DeliverOrderRequest
    | CancelOrderRequest
    | ReturnOrderRequest
)

R = TypeVar("R", bound=Request)

_VERBS = {type(getattr(Command(), verb.name)): verb.name for verb in Command.DESCRIPTOR.oneofs_by_name["verb"].fields}


class CommandOptions(TypedDict, total=False):
    """What all commands share; see the module."""

    request_id: str
    expected_version: int | None
    validate_only: bool


def place(
    customer_id: str,
    lines: Iterable[OrderedLine],
    *,
    order_id: str = "",
    expected_delivery_date: date | None = None,
    **options: Unpack[CommandOptions],
) -> PlaceOrderRequest:
    """Order something. Without `order_id` the server derives one from customer and request id."""
    return named(
        PlaceOrderRequest(
            order_id=order_id,
            customer_id=customer_id,
            lines=lines,
            expected_delivery_date=day(expected_delivery_date) if expected_delivery_date else None,
            **options,
        )
    )


def add_line(order_id: str, line: OrderedLine, **options: Unpack[CommandOptions]) -> AddOrderLineRequest:
    """Add a product that is not on the order yet."""
    return named(AddOrderLineRequest(order_id=order_id, line=line, **options))


def change_line_quantity(
    order_id: str, product_id: str, quantity: int, **options: Unpack[CommandOptions]
) -> ChangeOrderLineQuantityRequest:
    """Change how many of a product are ordered."""
    return named(ChangeOrderLineQuantityRequest(order_id=order_id, product_id=product_id, quantity=quantity, **options))


def remove_line(order_id: str, product_id: str, **options: Unpack[CommandOptions]) -> RemoveOrderLineRequest:
    """Take a product off the order; the last one stays."""
    return named(RemoveOrderLineRequest(order_id=order_id, product_id=product_id, **options))


def reschedule_delivery(
    order_id: str, expected_delivery_date: date, **options: Unpack[CommandOptions]
) -> RescheduleDeliveryRequest:
    """Change the day on which the customer expects the goods."""
    return named(
        RescheduleDeliveryRequest(order_id=order_id, expected_delivery_date=day(expected_delivery_date), **options)
    )


def confirm(order_id: str, **options: Unpack[CommandOptions]) -> ConfirmOrderRequest:
    """Confirm a placed order; its lines are fixed from then on."""
    return named(ConfirmOrderRequest(order_id=order_id, **options))


def ship(order_id: str, lines: Iterable[ShippedLine] = (), **options: Unpack[CommandOptions]) -> ShipOrderRequest:
    """Ship some lines, or, without any, all that remains."""
    return named(ShipOrderRequest(order_id=order_id, lines=lines, **options))


def deliver(order_id: str, **options: Unpack[CommandOptions]) -> DeliverOrderRequest:
    """Say that all of a shipped order reached the customer."""
    return named(DeliverOrderRequest(order_id=order_id, **options))


def cancel(order_id: str, *, reason: str | None = None, **options: Unpack[CommandOptions]) -> CancelOrderRequest:
    """Call off an order of which nothing was shipped."""
    return named(CancelOrderRequest(order_id=order_id, reason=reason, **options))


def return_(order_id: str, *, reason: str | None = None, **options: Unpack[CommandOptions]) -> ReturnOrderRequest:
    """Say that a wholly shipped or delivered order was sent back."""
    return named(ReturnOrderRequest(order_id=order_id, reason=reason, **options))


def as_command(request: Request | Command) -> Command:
    """Return the request as a command of a batch, with a request id. Raises TypeError if it is none."""
    if isinstance(request, Command):
        verb_name = request.WhichOneof("verb")
        if verb_name:
            named(getattr(request, verb_name))
        return request
    verb = _VERBS.get(type(request))
    if verb is None:
        raise TypeError(f"{type(request).__name__} is no command.")
    return Command(**{verb: named(request)})  # type: ignore[arg-type]  # the verb names its own field


def named(request: R) -> R:
    """Return the request itself, which has a request id from now on: to send it again is a retry."""
    if not request.request_id:
        request.request_id = str(uuid4())
    return request
