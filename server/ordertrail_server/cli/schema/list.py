"""`ordertrail schema list`: list the versions of events, with their numbers of records."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2 import EventSchema

HEADINGS = ("Number", "Message", "Reads as", "Written", "Records")
EPILOG = """\b
Examples:
  ordertrail schema list
  ordertrail schema list --json"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per version.")
@target_option
@calls_server()
async def list(as_json: bool, target: Target) -> None:
    """List every version of every event that the server knows, whether it is written, and its number of records.

    Records of unknown events, which a newer release wrote, are counted last.
    """
    async with target.connect() as client:
        catalog = await client.event_schemas()
    if as_json:
        for schema in catalog.schemas:
            click.echo(json_line(schema))
        return
    print_table(HEADINGS, [_row(schema) for schema in catalog.schemas], numbers=("Number", "Records"))
    if catalog.unknown_record_count:
        click.echo(f"Records of unknown events: {catalog.unknown_record_count}")


def _row(schema: "EventSchema") -> tuple[str, ...]:
    mark = "yes" if schema.written else ""
    return str(schema.number), schema.message, schema.reads_as, mark, f"{schema.record_count:,}"
