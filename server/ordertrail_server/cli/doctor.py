"""`ordertrail doctor`: check what a server needs, and say how to fix what is wrong."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.exit_code import VerdictCommand
from ordertrail_server.cli.setting_option import setting_options
from ordertrail_server.setting_values import SettingsRefused, read_settings

if TYPE_CHECKING:
    from ordertrail_server.doctor.finding import Finding

EPILOG = """\b
Examples:
  ordertrail doctor --data ./data
  ordertrail doctor --log kafka --bootstrap kafka:9092 --json

Give it the options and the environment of `serve`, as the same user.

Exit codes: 0 no errors (with --strict: nor warnings), 1 findings, 2 wrong usage, or the checks could not be done."""


@click.command(cls=VerdictCommand, epilog=EPILOG)
@setting_options
@click.option(
    "--disk-days",
    type=click.FloatRange(0, 36_500),
    default=30.0,
    show_default=True,
    help="Warn if the disk will be full within so many days, as the log grew in the last week.",
)
@click.option("--strict", is_flag=True, help="Also warnings lead to exit code 1.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def doctor(disk_days: float, strict: bool, as_json: bool, **flags: Any) -> None:
    """Check the libraries, files, certificates, clock, disk and topics of a server, and its log and projections.

    The server may run or not. Nothing is changed. Each finding that is not ok says how to fix it.
    """
    try:
        settings = read_settings({name: value for name, value in flags.items() if value not in (None, ())})
    except SettingsRefused as error:
        raise click.UsageError(str(error)) from None
    from ordertrail_server.doctor.finding import Status
    from ordertrail_server.examination import examine

    async def collect() -> "list[Finding]":
        return [finding async for finding in examine(settings, disk_days)]

    findings = asyncio.run(collect())
    _print(findings, as_json=as_json)
    bad = {Status.ERROR, Status.WARNING} if strict else {Status.ERROR}
    if any(finding.status in bad for finding in findings):
        raise click.exceptions.Exit(1)


def _print(findings: "list[Finding]", *, as_json: bool) -> None:
    from ordertrail_server.cli.table import print_table
    from ordertrail_server.cli.value_text import json_line

    if as_json:
        for finding in findings:
            click.echo(json_line({**finding._asdict(), "status": finding.status.value}))
        return
    rows = [(finding.check, finding.status.value, f"{finding.text} {finding.fix}".strip()) for finding in findings]
    print_table(("Check", "Status", "Finding"), rows)
