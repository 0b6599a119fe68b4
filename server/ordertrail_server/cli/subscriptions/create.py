"""`ordertrail subscriptions create`: create a subscription."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.history import TYPES
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from ordertrail.v1.order_events_pb2 import OrderEventType

EPILOG = """\b
Examples:
  ordertrail subscriptions create mails
  ordertrail subscriptions create mails --type order-shipped --now
  ordertrail subscriptions create mails --customer shop-1 --max-attempts 3"""


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--order", "order_id", metavar="ID", default="", help="Only events of this order.")
@click.option("--customer", "customer_id", metavar="ID", default="", help="Only events of orders of this customer.")
@click.option("--product", "product_id", metavar="ID", default="", help="Only events that name this product.")
@click.option(
    "--type",
    "types",
    metavar="TYPE",
    multiple=True,
    type=click.Choice(TYPES),
    help=f"Only events of this type: {', '.join(TYPES)}. Can be repeated.",
)
@click.option("--now", is_flag=True, help="Begin after all events that are recorded already, not with the first one.")
@click.option("--after", "token", metavar="TOKEN", default="", help="Begin after the facts that this token includes.")
@click.option(
    "--max-attempts",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="How often an event is handed out before its order is parked.",
)
@click.option(
    "--acknowledge-seconds",
    metavar="SECONDS",
    type=click.FloatRange(1, 86_400),
    default=60.0,
    show_default=True,
    help="How long a consumer may take for an event.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the subscription as one JSON object.")
@target_option
@calls_server()
async def create(
    name: str,
    order_id: str,
    customer_id: str,
    product_id: str,
    types: tuple[str, ...],
    now: bool,
    token: str,
    max_attempts: int,
    acknowledge_seconds: float,
    as_json: bool,
    target: Target,
) -> None:
    """Create a subscription. If an equal one exists, nothing changes.

    Exits with 1 if another subscription has this name.
    """
    if now and token:
        raise click.UsageError("--now and --after exclude each other.")
    async with target.connect() as client:
        subscription = await client.create_subscription(
            name,
            order_id=order_id,
            customer_id=customer_id,
            product_id=product_id,
            event_types=_event_types(types),
            token=token,
            now=now,
            max_attempts=max_attempts,
            acknowledge_seconds=acknowledge_seconds,
        )
    click.echo(json_line(subscription) if as_json else f"Subscription {escape(name)} exists.")


def _event_types(types: tuple[str, ...]) -> "list[OrderEventType.ValueType]":
    from ordertrail.v1.order_events_pb2 import OrderEventType

    return [OrderEventType.Value(f"ORDER_EVENT_TYPE_{kind.replace('-', '_').upper()}") for kind in types]
