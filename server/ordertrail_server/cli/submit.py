"""`ordertrail submit`: submit commands, which the server stores durably and decides later."""

from collections import deque
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.command_input import CommandInputRefused, InputCommand, read_commands
from ordertrail_server.cli.moment_type import MOMENT
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, CallFailed, calls_server
from ordertrail_server.cli.submission_report import SubmissionReport
from ordertrail_server.cli.target import Target, target_option

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.client import OrderTrail
    from ordertrail_server.cli.command_sender import Conditions, Submission

UNREADABLE = 2
EPILOG = """\b
Examples:
  ordertrail submit '{"confirmOrder": {"orderId": "order-1"}}' --wait
  ordertrail submit orders.jsonl --defer --json
  ordertrail submit - --not-before 2027-01-01T08:00:00Z

Exit codes: 0 all stored (with --wait: all accepted), 1 some refused, or the
call failed, 2 wrong usage, or the input holds something else than commands."""


@click.command(epilog=EPILOG)
@click.argument("source", metavar="COMMAND")
@click.option("--defer", is_flag=True, help="Store without a decision on the present state of the orders.")
@click.option("--not-before", metavar="TIME", type=MOMENT, help="Do not decide the commands before this time.")
@click.option("--wait", is_flag=True, help="Wait until each command is decided, and show its outcome.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per command.")
@target_option
@calls_server()
async def submit(
    source: str, defer: bool, not_before: "Timestamp | None", wait: bool, as_json: bool, target: Target
) -> None:
    """Submit commands: the server stores them durably, answers, and decides them later.

    COMMAND is a command as JSON, a file, or - for stdin. An object has one verb, as in the message Command of the
    contract. A file can hold several objects, such as one per line. It is read to its end before the first command is
    submitted, and nothing is submitted if it holds something else. A command with a requestId can be submitted again.

    A TIME is in ISO 8601; without a zone it is in UTC.
    """
    from ordertrail_server.cli.command_sender import Conditions

    try:
        commands = read_commands(source)
    except CommandInputRefused as refusal:
        raise CallFailed(str(refusal), UNREADABLE) from None
    report = SubmissionReport(as_json)
    try:
        await _submit(commands, Conditions(defer, not_before), wait, report, target)
    finally:
        report.print_table()
    if report.has_refusal:
        raise click.exceptions.Exit(1)


async def _submit(
    commands: list[InputCommand], conditions: "Conditions", wait: bool, report: SubmissionReport, target: Target
) -> None:
    from ordertrail_server.cli.command_sender import submit_in_batches

    waiting: deque[Submission] = deque()
    async with target.connect(actor="ordertrail submit") as client:
        await client.reach(FIRST_CONTACT_SECONDS)
        try:
            async with aclosing(submit_in_batches(client, commands, conditions)) as submissions:
                async for submission in submissions:
                    if submission.error is not None and len(commands) == 1:
                        raise submission.error
                    if submission.error is None and wait:
                        waiting.append(submission)
                    else:
                        report.report_submission(submission)
            await _report_outcomes(client, waiting, report)
        finally:
            for submission in waiting:
                report.report_submission(submission)


async def _report_outcomes(client: "OrderTrail", waiting: "deque[Submission]", report: SubmissionReport) -> None:
    """Wait for the outcome of each command, and remove it from `waiting`."""
    from ordertrail_server.cli.commands.outcome import wait_for_outcome

    while waiting:
        command_id = waiting[0].stored.command_id
        report.report_outcome(await wait_for_outcome(client, command_id, tokens=[waiting[0].token]))
        waiting.popleft()
