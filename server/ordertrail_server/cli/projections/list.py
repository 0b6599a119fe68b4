"""`ordertrail projections list`: list the projections and their generations."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.table import print_table
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from ordertrail.v1.projection_service_pb2 import Generation, Projection

HEADINGS = ("Projection", "Definition", "Number", "State", "Records", "Behind", "Bytes")
NUMBERS = ("Number", "Records", "Behind", "Bytes")
EPILOG = """\b
Examples:
  ordertrail projections list
  ordertrail projections list --json"""


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per projection.")
@target_option
@calls_server()
async def list(as_json: bool, target: Target) -> None:
    """List the projections and their generations, also those that another release of the server has built.

    A projection that has stopped is named on stderr with the reason, and so is one that was damaged and built again.
    Exit codes: 0 all run, 1 one has stopped.
    """
    async with target.connect() as client:
        projections = await client.projections()
    if as_json:
        for projection in projections:
            click.echo(json_line(projection))
    else:
        rows = [_row(projection, generation) for projection in projections for generation in projection.generations]
        print_table(HEADINGS, rows, numbers=NUMBERS)
    for projection in projections:
        if projection.repair_count:
            count = f"{projection.repair_count:,}"
            click.echo(
                f"{escape(projection.name)} was damaged and built again: {count} since the server began.", err=True
            )
    stopped = [projection for projection in projections if projection.stopped_reason]
    for projection in stopped:
        click.echo(f"{escape(projection.name)} has stopped: {escape(projection.stopped_reason)}.", err=True)
    if stopped:
        raise click.exceptions.Exit(1)


def _row(projection: "Projection", generation: "Generation") -> tuple[str, ...]:
    from ordertrail_server.cli.projections.generation_text import state_text

    return (
        projection.name,
        generation.definition,
        str(generation.number),
        state_text(generation),
        f"{generation.folded_count:,}",
        f"{generation.lag_count:,}",
        f"{generation.file_bytes:,}",
    )
