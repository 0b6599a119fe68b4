"""The options that choose the events of a subscription: its filter and its start."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ordertrail_server.cli.history import TYPES

if TYPE_CHECKING:
    from ordertrail.v1.order_events_pb2 import OrderEventType

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--order", "order_id", metavar="ID", default="", help="Only events of this order."),
    click.option("--customer", "customer_id", metavar="ID", default="", help="Only events of orders of this customer."),
    click.option("--product", "product_id", metavar="ID", default="", help="Only events that name this product."),
    click.option(
        "--type",
        "types",
        metavar="TYPE",
        multiple=True,
        type=click.Choice(TYPES),
        help=f"Only events of this type: {', '.join(TYPES)}. Can be repeated.",
    ),
    click.option(
        "--now", is_flag=True, help="Begin after all events that are recorded already, not with the first one."
    ),
    click.option(
        "--after", "token", metavar="TOKEN", default="", help="Begin after the facts that this token includes."
    ),
)


def event_options(command: F) -> F:
    """Add the options. `event_arguments` reads their values."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def event_arguments(types: tuple[str, ...], now: bool, token: str, **conditions: str) -> dict[str, Any]:
    """Return the values as arguments of the client's method. Raises UsageError."""
    if now and token:
        raise click.UsageError("--now and --after exclude each other.")
    return {**conditions, "event_types": _event_types(types), "now": now, "token": token}


def _event_types(types: tuple[str, ...]) -> "list[OrderEventType.ValueType]":
    from ordertrail.v1.order_events_pb2 import OrderEventType

    return [OrderEventType.Value(f"ORDER_EVENT_TYPE_{kind.replace('-', '_').upper()}") for kind in types]
