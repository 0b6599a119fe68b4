"""Prints events, and the order after them, as tables or as JSON."""

from collections.abc import AsyncIterator
from shlex import quote
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ordertrail.query_methods import OnParked
    from ordertrail.v1.history_event_pb2 import HistoryEvent
    from ordertrail.v1.order_pb2 import Order


def create_parked_warning() -> "OnParked":
    """Return a callback that names each skipped order once on stderr."""
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


async def print_lines(events: AsyncIterator["HistoryEvent"], as_json: bool) -> bool:
    """Print each event as it arrives; return whether there was one."""
    from ordertrail_server.cli.event_text import event_line

    has_events = False
    async for event in events:
        click.echo(json_line(event) if as_json else event_line(event))
        has_events = True
    return has_events


async def print_events(events: AsyncIterator["HistoryEvent"]) -> bool:
    """Print a table of events; return whether there was one."""
    from ordertrail_server.cli.event_text import HEADINGS, event_row

    rows = [event_row(event) async for event in events]
    if rows:
        print_table(HEADINGS, rows, numbers=("Version",))
    return bool(rows)


def print_state(order: "Order", as_json: bool) -> None:
    """Print an order with its lines. In JSON it has the key `order`, as in a GetOrderResponse."""
    from ordertrail.v1.order_history_service_pb2 import GetOrderResponse
    from ordertrail_server.cli.order_text import HEADINGS, LINE_HEADINGS, LINE_NUMBERS, NUMBERS, line_rows, order_row

    if as_json:
        click.echo(json_line(GetOrderResponse(order=order)))
    else:
        print_table(HEADINGS, [order_row(order)], NUMBERS)
        print_table(LINE_HEADINGS, line_rows(order), LINE_NUMBERS)
