"""`ordertrail totals`: quantities of products by day."""

from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.age_warning import create_age_warning
from ordertrail_server.cli.limit_option import limit_options, page_size, report_truncation, resolve_limit
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import day_text, json_line

if TYPE_CHECKING:
    from ordertrail.v1.order_history_service_pb2 import ProductTotal

HEADINGS = ("Day", "Product", "Ordered", "Shipped", "Returned")
DAY = click.DateTime(["%Y-%m-%d"])
EPILOG = """\b
Examples:
  ordertrail totals
  ordertrail totals --product p_7
  ordertrail totals --from 2026-03-01 --before 2026-04-01 --all --json"""


@click.command(epilog=EPILOG)
@click.option("--product", "product_id", metavar="ID", help="Only this product.")
@click.option("--from", "day_from", metavar="YYYY-MM-DD", type=DAY, help="Only days on or after this one.")
@click.option("--before", "day_before", metavar="YYYY-MM-DD", type=DAY, help="Only days before this one.")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per product and day.")
@target_option
@calls_server()
async def totals(
    product_id: str | None,
    day_from: datetime | None,
    day_before: datetime | None,
    limit: int,
    show_all: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Show how much of each product was ordered, shipped and returned on each day (UTC), earliest day first.

    A cancelled order counts negatively on the day of its cancellation.
    """
    limit = resolve_limit(limit, show_all)
    rows: list[tuple[str, ...]] = []
    shown_count = 0
    async with target.connect() as client:
        listing = client.list_product_totals(
            product_id=product_id,
            day_from=day_from.date() if day_from else None,
            day_before=day_before.date() if day_before else None,
            page_size=page_size(limit),
            on_age=create_age_warning(),
        )
        async with aclosing(listing):
            async for total in listing:
                if shown_count == limit:
                    report_truncation(limit)
                    break
                shown_count += 1
                if as_json:
                    click.echo(json_line(total))
                else:
                    rows.append(_row(total))
    if not as_json:
        print_table(HEADINGS, rows, numbers=HEADINGS[2:])


def _row(total: "ProductTotal") -> tuple[str, ...]:
    quantities = (total.ordered_quantity, total.shipped_quantity, total.returned_quantity)
    return day_text(total.day), total.product_id, *map(str, quantities)
