"""`ordertrail history`: the events of an order, or of all orders of a customer."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.age_warning import create_age_warning
from ordertrail_server.cli.event_output import create_parked_warning, print_events, print_lines, print_state
from ordertrail_server.cli.moment_type import MOMENT
from ordertrail_server.cli.past_events import end_at, events_up_to
from ordertrail_server.cli.point_type import PointType
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.query_conditions import OrderPoint
    from ordertrail.v1.order_events_pb2 import OrderEventType

PAGE_SIZE = 1000
TYPES = (
    "order-placed",
    "order-line-added",
    "order-line-quantity-changed",
    "order-line-removed",
    "order-delivery-rescheduled",
    "order-confirmed",
    "order-shipped",
    "order-delivered",
    "order-cancelled",
    "order-returned",
)
EPILOG = """\b
Examples:
  ordertrail history 0193a7c2-order-1
  ordertrail history 0193a7c2-order-1 --as-of 2026-03-01T12:30:00Z
  ordertrail history --customer shop-1 --newest-first --type order-cancelled
  ordertrail history --customer shop-1 --product p_7 --from 2026-03-01 --json
  ordertrail history 0193a7c2-order-1 --follow"""


@click.command(epilog=EPILOG)
@click.argument("order_id", required=False)
@click.option("--customer", "customer_id", metavar="ID", help="Show all orders of this customer instead of one order.")
@click.option("--product", "product_id", metavar="ID", help="Show only events that name this product.")
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    multiple=True,
    type=click.Choice(TYPES),
    help=f"Show only events of this type: {', '.join(TYPES)}. Can be repeated.",
)
@click.option("--from", "recorded_from", metavar="TIME", type=MOMENT, help="Only events at or after this time.")
@click.option("--before", "recorded_before", metavar="TIME", type=MOMENT, help="Only events before this time.")
@click.option("--newest-first", is_flag=True, help="Begin with the newest event (in each partition of a Kafka log).")
@click.option(
    "--as-of",
    "point",
    metavar="TIME|VERSION|TOKEN",
    type=PointType(),
    help="Show the events up to this point, including those recorded at this time, and the order then.",
)
@click.option(
    "--follow", is_flag=True, help="Continue with new events until Ctrl-C, also after a restart of the server."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
@target_option
@calls_server()
async def history(
    order_id: str | None,
    customer_id: str | None,
    product_id: str | None,
    types: tuple[str, ...],
    recorded_from: "Timestamp | None",
    recorded_before: "Timestamp | None",
    newest_first: bool,
    point: "OrderPoint | None",
    follow: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Show the events of an order, or of all orders of a customer, oldest first.

    Events of parked orders that cannot be read are skipped, and stderr names the orders. Exits with 1 if there are no
    events. A TIME is in ISO 8601; without a zone it is in UTC.
    """
    if bool(order_id) == bool(customer_id):
        raise click.UsageError("Give either ORDER_ID or --customer ID.")
    if point and not order_id:
        raise click.UsageError("--as-of needs ORDER_ID.")
    if follow and (newest_first or point):
        raise click.UsageError("--follow excludes --newest-first and --as-of.")
    filters = {
        "product_id": product_id,
        "event_types": _event_types(types),
        "recorded_from": recorded_from,
        "recorded_before": recorded_before,
    }
    conditions = {"order_id": order_id, "customer_id": customer_id, **filters}
    if follow:
        has_events = await _follow(target, conditions, as_json)
    else:
        has_events = await _list(target, conditions, newest_first, point, as_json)
    if not has_events:
        subject = escape(f"order {order_id}" if order_id else f"customer {customer_id}")
        meeting = " that meet the conditions" if any(filters.values()) else ""
        raise click.ClickException(f"Found no events of {subject}{meeting}; check the id.")


async def _follow(target: Target, conditions: dict[str, Any], as_json: bool) -> bool:

    async with target.connect() as orders:
        await orders.reach(FIRST_CONTACT_SECONDS)
        async with aclosing(orders.stream(**conditions, follow=True, on_parked=create_parked_warning())) as events:
            return await print_lines(events, as_json)


async def _list(
    target: Target, conditions: dict[str, Any], newest_first: bool, point: "OrderPoint | None", as_json: bool
) -> bool:
    from ordertrail.v1.order_history_service_pb2 import EVENT_ORDER_POSITION_DESCENDING, EVENT_ORDER_UNSPECIFIED

    order_by = EVENT_ORDER_POSITION_DESCENDING if newest_first else EVENT_ORDER_UNSPECIFIED
    async with target.connect() as orders:
        order = await orders.get(conditions["order_id"], **point) if point else None
        listing = orders.list_events(
            **(end_at(order, conditions) if order else conditions),
            order_by=order_by,
            page_size=PAGE_SIZE,
            on_parked=create_parked_warning(),
            on_age=create_age_warning(),
        )
        async with aclosing(listing):
            events = events_up_to(order.version, listing) if order else listing
            has_events = await (print_lines(events, as_json) if as_json else print_events(events))
    if order:
        print_state(order, as_json)
    return has_events


def _event_types(types: tuple[str, ...]) -> "list[OrderEventType.ValueType]":
    from ordertrail.v1.order_events_pb2 import OrderEventType

    return [OrderEventType.Value(f"ORDER_EVENT_TYPE_{name.replace('-', '_').upper()}") for name in types]
