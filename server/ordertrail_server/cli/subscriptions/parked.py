"""`ordertrail subscriptions parked`: list the orders that are parked in a subscription."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.limit_option import limit_options, page_size, report_truncation, resolve_limit
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line, time_text

if TYPE_CHECKING:
    from ordertrail.v1.subscription_service_pb2 import ParkedDeliveries

HEADINGS = ("Since", "Order", "Delivery", "Attempts", "Reason")
EPILOG = """\b
Examples:
  ordertrail subscriptions parked mails
  ordertrail subscriptions parked mails --all --json"""


@click.command(epilog=EPILOG)
@click.argument("name")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per order.")
@target_option
@calls_server()
async def parked(name: str, limit: int, show_all: bool, as_json: bool, target: Target) -> None:
    """List the orders that are parked in a subscription, longest parked first.

    The delivery is that of the first event that is not done.
    """
    limit = resolve_limit(limit, show_all)
    rows: list[tuple[str, ...]] = []
    async with (
        target.connect() as client,
        aclosing(client.parked_deliveries(name, page_size=page_size(limit))) as orders,
    ):
        async for order in orders:
            if len(rows) == limit:
                report_truncation(limit)
                break
            rows.append(_row(order))
            if as_json:
                click.echo(json_line(order))
    if not as_json:
        print_table(HEADINGS, rows, numbers=("Attempts",))


def _row(order: "ParkedDeliveries") -> tuple[str, ...]:
    reason = f"unreadable: {order.reason}" if order.unreadable else order.reason
    return time_text(order.park_time), order.order_id, order.delivery_id, str(order.attempt_count), reason
