"""`ordertrail diff`: the orders that changed between two moments."""

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.event_output import create_parked_warning
from ordertrail_server.cli.limit_option import limit_options, report_truncation, resolve_limit
from ordertrail_server.cli.order_text import status_text
from ordertrail_server.cli.point_type import PointType
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line, money_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ordertrail.query_conditions import OrderPoint
    from ordertrail.v1.order_history_service_pb2 import OrderDiff
    from ordertrail.v1.order_pb2 import Order

TIME_OR_TOKEN = PointType(has_versions=False)
HEADINGS = ("Order", "Version", "Status", "Quantity", "Total", "Events")
EPILOG = """\b
Examples:
  ordertrail diff --from 2026-03-15 --before 2026-03-16
  ordertrail diff --from 2026-03-15T12:00:00Z --customer shop-1 --json"""


@click.command(epilog=EPILOG)
@click.option(
    "--from",
    "start",
    metavar="TIME|TOKEN",
    type=TIME_OR_TOKEN,
    required=True,
    help="The first moment: facts at this time and later are changes, or those after this token.",
)
@click.option(
    "--before",
    "end",
    metavar="TIME|TOKEN",
    type=TIME_OR_TOKEN,
    help="The second moment: facts before this time are changes, or those up to this token. Default: the present.",
)
@click.option("--customer", "customer_id", metavar="ID", help="Only orders of this customer.")
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per order, with both states.")
@target_option
@calls_server()
async def diff(
    start: "OrderPoint",
    end: "OrderPoint | None",
    customer_id: str | None,
    limit: int,
    show_all: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Show the orders that changed between two moments: what each was then, and the events between.

    Exits with 0 whether orders changed or not. A TIME is in ISO 8601; without a zone it is in UTC.
    """
    limit = resolve_limit(limit, show_all)
    rows: list[tuple[str, ...]] = []
    shown_count = 0
    async with target.connect() as client:
        diffs = client.diff_orders(
            customer_id=customer_id,
            recorded_from=start.get("record_time"),
            from_token=start.get("token"),
            recorded_before=end.get("record_time") if end else None,
            until_token=end.get("token") if end else None,
            on_parked=create_parked_warning(),
        )
        async with aclosing(diffs):
            async for order_diff in diffs:
                if shown_count == limit:
                    report_truncation(limit)
                    break
                shown_count += 1
                if as_json:
                    click.echo(json_line(order_diff))
                else:
                    rows.append(_row(order_diff))
    if not as_json:
        print_table(HEADINGS, rows)


def _row(order_diff: "OrderDiff") -> tuple[str, ...]:
    before = order_diff.before if order_diff.HasField("before") else None
    after = order_diff.after

    def change(text_of: "Callable[[Order], Any]") -> str:
        old, new = "-" if before is None else str(text_of(before)), str(text_of(after))
        return new if old == new else f"{old} → {new}"

    return (
        after.order_id,
        change(lambda order: order.version),
        change(status_text),
        change(lambda order: order.total_quantity),
        change(lambda order: money_text(order.total_amount) if order.HasField("total_amount") else "-"),
        ", ".join(event.WhichOneof("event") or "?" for event in order_diff.events),
    )
