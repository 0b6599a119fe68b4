"""`ordertrail projections compare`: compare a generation with the live one."""

import click

from ordertrail_server.cli.projections.projection_argument import number_argument, projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Examples:
  ordertrail projections compare history
  ordertrail projections compare history 2 --json"""


@click.command(epilog=EPILOG)
@projection_argument
@number_argument(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server()
async def compare(name: str, number: int | None, as_json: bool, target: Target) -> None:
    """Compare a generation with the live one, row by row as of one position of the log; the newest if none is named.

    It must be complete and follow the log. A difference is a key, such as an order, whose rows differ.

    Exit codes: 0 they do not differ, 1 they differ, or it failed.
    """
    from ordertrail_server.cli.projections.generation_choice import find_newest
    from ordertrail_server.cli.projections.generation_text import count_differences, describe_comparison
    from ordertrail_server.cli.value_text import json_line

    async with target.connect() as client:
        number = number or (await find_newest(client, name, "ready")).number
        comparison = await client.compare_generation(name, number)
    click.echo(json_line(comparison) if as_json else "\n".join(describe_comparison(name, comparison.tables)))
    if count_differences(comparison):
        raise click.exceptions.Exit(1)
