"""`ordertrail projections promote`: make a generation the live one."""

import click

from ordertrail_server.cli.projections.projection_argument import number_argument, projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Example:
  ordertrail projections promote history 2"""


@click.command(epilog=EPILOG)
@projection_argument
@number_argument(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the generation as one JSON object.")
@target_option
@calls_server()
async def promote(name: str, number: int | None, as_json: bool, target: Target) -> None:
    """Make a generation the live one, the newest complete one if none is named. The one before it is kept.

    A generation that does not follow the log is brought up to date first. Exit codes: 0 it is live, 1 it failed.
    """
    from ordertrail_server.cli.projections.generation_choice import find_newest
    from ordertrail_server.cli.projections.promotion import promote_and_report

    async with target.connect() as client:
        number = number or (await find_newest(client, name, "ready")).number
        await promote_and_report(client, name, number, as_json=as_json)
