"""`ordertrail commands list`: list submitted commands."""

from collections.abc import MutableSequence
from contextlib import aclosing

import click

from ordertrail_server.cli.commands.command_text import HEADINGS, STATES, command_row
from ordertrail_server.cli.limit_option import limit_options, page_size, report_truncation, resolve_limit
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

EPILOG = """\b
Examples:
  ordertrail commands list
  ordertrail commands list --order 0193a7c2-order-1
  ordertrail commands list --state pending --state stopped --all --json"""


@click.command(epilog=EPILOG)
@click.option("--order", "order_id", metavar="ID", default="", help="Only commands of this order.")
@click.option(
    "--state",
    "states",
    metavar="STATE",
    multiple=True,
    type=click.Choice(STATES),
    help=f"Only commands in this state: {', '.join(STATES)}. Can be repeated.",
)
@limit_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per command.")
@target_option
@calls_server()
async def list(
    order_id: str, states: tuple[str, ...], limit: int, show_all: bool, as_json: bool, target: Target
) -> None:
    """List submitted commands, the first submitted first (in each partition of a Kafka log)."""
    from ordertrail.v1.submitted_commands_pb2 import CommandState

    limit = resolve_limit(limit, show_all)
    rows: MutableSequence[tuple[str, ...]] = []
    shown_count = 0
    async with target.connect() as client:
        listing = client.list_commands(
            order_id=order_id,
            states=[CommandState.Value(f"COMMAND_STATE_{name.upper()}") for name in states],
            page_size=page_size(limit),
        )
        async with aclosing(listing):
            async for command in listing:
                if shown_count == limit:
                    report_truncation(limit)
                    break
                shown_count += 1
                if as_json:
                    click.echo(json_line(command))
                else:
                    rows.append(command_row(command))
    if not as_json:
        print_table(HEADINGS, rows)
