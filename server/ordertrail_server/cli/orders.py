"""`ordertrail orders`: orders as they are, or as they were."""

from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.age_warning import create_age_warning
from ordertrail_server.cli.limit_option import limit_options, page_size, report_truncation, resolve_limit
from ordertrail_server.cli.order_text import HEADINGS, NUMBERS, order_row
from ordertrail_server.cli.point_type import PointType
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.query_conditions import OrderPoint

STATUSES = ("placed", "confirmed", "partly-shipped", "shipped", "delivered", "cancelled", "returned")
EPILOG = """\b
Examples:
  ordertrail orders
  ordertrail orders --customer shop-1 --status placed --status confirmed
  ordertrail orders --product p_7 --all --json
  ordertrail orders --customer shop-1 --as-of 2026-03-15T12:00:00Z"""


@click.command(epilog=EPILOG)
@click.option("--customer", "customer_id", metavar="ID", help="Only orders of this customer.")
@click.option(
    "--status",
    "statuses",
    metavar="STATUS",
    multiple=True,
    type=click.Choice(STATUSES),
    help=f"Only orders with this status: {', '.join(STATUSES)}. Can be repeated.",
)
@click.option("--product", "product_id", metavar="ID", help="Only orders with a line of this product.")
@click.option(
    "--reference", "source_reference", metavar="ID", help="Only imported orders with this id in their source."
)
@click.option(
    "--as-of",
    "point",
    metavar="TIME|TOKEN",
    type=PointType(has_versions=False),
    help="Orders as they were at this time, or as of a token of an answer.",
)
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per order.")
@target_option
@calls_server()
async def orders(
    customer_id: str | None,
    statuses: tuple[str, ...],
    product_id: str | None,
    source_reference: str | None,
    point: "OrderPoint | None",
    limit: int,
    show_all: bool,
    as_json: bool,
    target: Target,
) -> None:
    """List orders as they are, or as they were at a moment, newest first.

    A TIME is in ISO 8601; without a zone it is in UTC.
    """
    from ordertrail.v1.order_status_pb2 import OrderStatus

    limit = resolve_limit(limit, show_all)
    rows: list[tuple[str, ...]] = []
    shown_count = 0
    async with target.connect() as client:
        listing = client.list_orders(
            customer_id=customer_id,
            statuses=[OrderStatus.Value(f"ORDER_STATUS_{name.replace('-', '_').upper()}") for name in statuses],
            product_id=product_id,
            source_reference=source_reference,
            page_size=page_size(limit),
            on_age=create_age_warning(),
            record_time=point.get("record_time") if point else None,
            token=point.get("token") if point else None,
        )
        async with aclosing(listing):
            async for order in listing:
                if shown_count == limit:
                    report_truncation(limit)
                    break
                shown_count += 1
                if as_json:
                    click.echo(json_line(order))
                else:
                    rows.append(order_row(order))
    if not as_json:
        print_table(HEADINGS, rows, NUMBERS)
