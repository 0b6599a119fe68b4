"""`ordertrail projections rollback`: make the generation before the live one live again."""

import click

from ordertrail_server.cli.projections.projection_argument import projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Example:
  ordertrail projections rollback history"""


@click.command(epilog=EPILOG)
@projection_argument
@click.option("--json", "as_json", is_flag=True, help="Print the generation as one JSON object.")
@target_option
@calls_server()
async def rollback(name: str, as_json: bool, target: Target) -> None:
    """Bring the newest generation before the live one up to date, and make it live again.

    Exit codes: 0 it is live, 1 there is none, or it failed.
    """
    from ordertrail_server.cli.projections.generation_choice import find_previous
    from ordertrail_server.cli.projections.promotion import promote_and_report

    async with target.connect() as client:
        previous = await find_previous(client, name)
        await promote_and_report(client, name, previous.number, as_json=as_json)
