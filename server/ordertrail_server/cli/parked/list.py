"""`ordertrail parked list`: list the parked orders."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.limit_option import limit_options, page_size, report_truncation, resolve_limit
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line, time_text

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2 import ParkedOrder

HEADINGS = ("Since", "Order", "Version", "Waiting", "Record", "Reason")
EPILOG = """\b
Examples:
  ordertrail parked list
  ordertrail parked list --all --json"""


@click.command(epilog=EPILOG)
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per order.")
@target_option
@calls_server()
async def list(limit: int, show_all: bool, as_json: bool, target: Target) -> None:
    """List the parked orders, longest parked first."""
    limit = resolve_limit(limit, show_all)
    listed: dict[str, ParkedOrder] = {}
    async with (
        target.connect() as client,
        aclosing(client.parked_orders(page_size=page_size(limit))) as orders,
    ):
        async for order in orders:
            if len(listed) == limit:
                report_truncation(limit)
                break
            listed[order.order_id] = order
            if as_json:
                click.echo(json_line(order))
    if not as_json:
        print_table(HEADINGS, map(_row, listed.values()), numbers=("Version", "Waiting"))


def _row(order: "ParkedOrder") -> tuple[str, ...]:
    return (
        time_text(order.record_time),
        order.order_id,
        str(order.version),
        str(order.waiting_count),
        f"{order.position.partition}:{order.position.offset}",
        order.reason,
    )
