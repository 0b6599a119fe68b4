"""`ordertrail projections drop`: remove a generation that is not live."""

import click

from ordertrail_server.cli.projections.projection_argument import number_argument, projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Examples:
  ordertrail projections drop history 1
  ordertrail projections drop history 1 --definition 0a1b2c3d4e5f"""


@click.command(epilog=EPILOG)
@projection_argument
@number_argument(required=True)
@click.option(
    "--definition", default="", metavar="HEX", help="The definition of the generation, if another release built it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
@target_option
@calls_server()
async def drop(name: str, number: int, definition: str, as_json: bool, target: Target) -> None:
    """Remove a generation that is not live, or stop its build and remove it.

    Exit codes: 0 removed, 1 it is live, there is none, or it failed.
    """
    from ordertrail_server.cli.value_text import json_line

    async with target.connect() as client:
        await client.drop_generation(name, number, definition=definition)
    outcome = {"name": name, "number": number, "isRemoved": True}
    click.echo(json_line(outcome) if as_json else f"Generation {number} of {name} is removed.")
