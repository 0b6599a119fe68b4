"""`ordertrail history`: the events of an order, or of all orders of a customer."""

from contextlib import aclosing
from shlex import quote
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.age_warning import create_age_warning
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, calls_server, target_option
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ordertrail.query_methods import OnParked
    from ordertrail.v1.history_event_pb2 import HistoryEvent

PAGE_SIZE = 1000
EPILOG = """\b
Examples:
  ordertrail history 0193a7c2-order-1
  ordertrail history --customer shop-1 --product p_7 --json
  ordertrail history 0193a7c2-order-1 --follow"""


@click.command(epilog=EPILOG)
@click.argument("order_id", required=False)
@click.option("--customer", "customer_id", metavar="ID", help="Show all orders of this customer instead of one order.")
@click.option("--product", "product_id", metavar="ID", help="Show only events that name this product.")
@click.option(
    "--follow", is_flag=True, help="Continue with new events until Ctrl-C, also after a restart of the server."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event.")
@target_option
@calls_server()
async def history(
    order_id: str | None, customer_id: str | None, product_id: str | None, follow: bool, as_json: bool, target: str
) -> None:
    """Show the events of an order, or of all orders of a customer, oldest first.

    Events of parked orders that cannot be read are skipped, and stderr names the orders. Exits with 1 if there are no
    events.
    """
    from ordertrail.client import connect

    if bool(order_id) == bool(customer_id):
        raise click.UsageError("Give either ORDER_ID or --customer ID.")
    async with connect(target) as orders:
        if follow:
            await orders.reach(FIRST_CONTACT_SECONDS)
            events = orders.stream(
                order_id=order_id,
                customer_id=customer_id,
                product_id=product_id,
                follow=True,
                on_parked=_create_parked_warning(),
            )
        else:
            events = orders.list_events(
                order_id=order_id,
                customer_id=customer_id,
                product_id=product_id,
                page_size=PAGE_SIZE,
                on_parked=_create_parked_warning(),
                on_age=create_age_warning(),
            )
        async with aclosing(events):
            has_events = await (_print_lines(events, as_json) if follow or as_json else _print_table(events))
    if not has_events:
        subject = escape(f"order {order_id}" if order_id else f"customer {customer_id}")
        raise click.ClickException(
            f"Found no events of {subject}{' with this product' if product_id else ''}; check the id."
        )


def _create_parked_warning() -> "OnParked":
    warned = set[str]()

    def warn(order_ids: "Sequence[str]") -> None:
        for order_id in [order_id for order_id in order_ids if order_id not in warned]:
            show_command = f"`ordertrail parked show {quote(escape(order_id))}`"
            click.echo(
                f"Order {escape(order_id)} is parked, so events of it are skipped. {show_command} shows the reason.",
                err=True,
            )
        warned.update(order_ids)

    return warn


async def _print_lines(events: "AsyncIterator[HistoryEvent]", as_json: bool) -> bool:
    from ordertrail_server.cli.event_text import event_line

    has_events = False
    async for event in events:
        click.echo(json_line(event) if as_json else event_line(event))
        has_events = True
    return has_events


async def _print_table(events: "AsyncIterator[HistoryEvent]") -> bool:
    from ordertrail_server.cli.event_text import HEADINGS, event_row

    rows = [event_row(event) async for event in events]
    if rows:
        print_table(HEADINGS, rows, numbers=("Version",))
    return bool(rows)
