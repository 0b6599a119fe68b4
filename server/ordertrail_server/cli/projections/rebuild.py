"""`ordertrail projections rebuild`: build a new generation of a projection beside the live one."""

import click

from ordertrail_server.cli.projections.projection_argument import projection_argument
from ordertrail_server.cli.server_call import calls_server
from ordertrail_server.cli.target import Target, target_option

EPILOG = """\b
Examples:
  ordertrail projections rebuild history
  ordertrail projections rebuild orders --promote --json"""


@click.command(epilog=EPILOG)
@projection_argument
@click.option("--promote", is_flag=True, help="Promote the new generation if it does not differ from the live one.")
@click.option("--no-wait", is_flag=True, help="Only begin the build.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@target_option
@calls_server()
async def rebuild(name: str, promote: bool, no_wait: bool, as_json: bool, target: Target) -> None:
    """Build a new generation of a projection from the first record, and compare it with the live one.

    The server answers from the live generation meanwhile, and the build takes only the time that commands leave.

    Exit codes: 0 the generations do not differ (with --no-wait: the build has begun), 1 they differ, or it failed.
    """
    from ordertrail_server.cli.projections.rebuilt_generation import describe_rebuild, rebuild_and_compare
    from ordertrail_server.cli.value_text import json_line

    if no_wait and promote:
        raise click.UsageError("--no-wait only begins the build, so --promote cannot be used with it.")
    async with target.connect() as client:
        if no_wait:
            generation = await client.rebuild_projection(name)
            message = (
                f"Generation {generation.number} of {name} is being built; `ordertrail projections list` shows it."
            )
            click.echo(json_line(generation) if as_json else message)
            return
        rebuilt = await rebuild_and_compare(client, name, promote=promote, is_quiet=as_json)
    click.echo(json_line(rebuilt.to_json()) if as_json else "\n".join(describe_rebuild(rebuilt)))
    if rebuilt.difference_count:
        raise click.exceptions.Exit(1)
