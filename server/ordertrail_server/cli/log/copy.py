"""`ordertrail log copy`: copy a log from a data directory to a topic, or back."""

import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from ordertrail_server.cli.kafka_log import open_topic, report_log_errors
from ordertrail_server.cli.log_option import (
    LIBRDKAFKA,
    bootstrap_option,
    choose_commands_topic,
    commands_topic_option,
    data_option,
    topic_option,
)
from ordertrail_server.cli.value_text import error_text, json_line

if TYPE_CHECKING:
    from ordertrail_server.cli.log.log_copy import CopyResult, ReportProgress
    from ordertrail_server.log.port import Log

EPILOG = f"""\b
Examples:
  ordertrail log copy --data ./data --bootstrap 127.0.0.1:9092 --to topic
  ordertrail log copy --data ./backup --bootstrap 127.0.0.1:9092 --to data

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@data_option(
    "The data directory: that of a stopped server to copy from, or a new one to copy to.",
    must_exist=False,
    required=True,
)
@bootstrap_option()
@topic_option
@commands_topic_option
@click.option("--to", type=click.Choice(["topic", "data"]), required=True, help="The target of the copy.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
def copy(
    data: Path,
    bootstrap: str,
    topic: str,
    commands_topic: str | None,
    to: Literal["topic", "data"],
    as_json: bool,
) -> None:
    """Copy every record of a log, byte for byte and in order, then verify the copy.

    The target must be empty, or hold the beginning of a copy of the same log. So copying again completes an interrupted
    copy, or updates a backup. Any other target is refused and not changed.

    Both need the same number of partitions. The log of a data directory has 1 (`ordertrail topics create --partitions
    1`); a new data directory gets as many as the topic has.

    Submitted commands are copied after the records, so that those without an outcome are decided from the copy.

    Foreign messages of a topic are skipped and counted. They have no effect, and in an embedded log, which has one
    writer, they would be damage.

    The copy is another log: tokens of one are not valid for the other, and message headers are created anew. While a
    topic is copied, servers may write to it; the copy has what the topic held at the start. Exit codes: 0 copied and
    verified, 1 failed.
    """
    from rich.progress import Progress

    with report_log_errors(), Progress(disable=as_json or not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("copying and verifying")
        try:
            topics = topic, choose_commands_topic(topic, commands_topic)
            counts = asyncio.run(
                _copy(data, bootstrap, topics, to, lambda done, total: bar.update(task, completed=done, total=total))
            )
        except (OSError, ValueError) as error:  # a disk that is full, a record that is too large for the topic
            raise click.ClickException(error_text(error)) from error
    click.echo(json_line(_result_json(counts, to)) if as_json else _result_text(counts, data, topic, to))


class Counts(NamedTuple):
    """The records and the submitted commands that were copied, and the foreign messages that were skipped."""

    records: "CopyResult"
    commands: "CopyResult"
    skipped: int


async def _copy(
    data: Path, bootstrap: str, topics: tuple[str, str], to: str, report_progress: "ReportProgress"
) -> Counts:
    from ordertrail_server.cli.log.log_copy import copy, copy_commands
    from ordertrail_server.cli.log.own_records import OwnRecords
    from ordertrail_server.log.data_directory import open_to_serve
    from ordertrail_server.log.embedded.in_use import open_when_free
    from ordertrail_server.log.embedded.log import EmbeddedLog
    from ordertrail_server.storage.lock import DirectoryLock

    async with AsyncExitStack() as stack:

        async def close_at_end(log: "Log") -> "Log":
            stack.push_async_callback(log.close)
            return log

        if to == "topic":
            DirectoryLock(stack).acquire(data)  # a server might append records that the copy would lack
            embedded = await close_at_end(EmbeddedLog.follow(data))
            on_kafka = await close_at_end(await open_topic(bootstrap, *topics))
            records = await copy(embedded, on_kafka, report_progress)
            return Counts(records, await copy_commands(embedded.commands, on_kafka.commands, report_progress), 0)
        on_kafka = await close_at_end(await open_topic(bootstrap, *topics))
        opening = partial(open_to_serve, data, partitions=on_kafka.partitions)
        embedded = await close_at_end(await open_when_free(opening, stack))
        own, own_commands = OwnRecords(on_kafka), on_kafka.commands and OwnRecords(on_kafka.commands)
        # In this sequence, because the copy of an outcome is of no use without its command.
        records = await copy(own, embedded, report_progress)
        commands = await copy_commands(own_commands, embedded.commands, report_progress)
        return Counts(records, commands, own.skipped + (own_commands.skipped if own_commands else 0))


def _result_json(counts: Counts, to: str) -> dict[str, object]:
    records, commands, skipped = counts
    return {
        "to": to,
        "records": records.records,
        "alreadyThere": records.already_there,
        "commands": commands.records,
        "commandsAlreadyThere": commands.already_there,
        "foreignLeftOut": skipped,
        "verified": True,
    }


def _result_text(counts: Counts, data: Path, topic: str, to: str) -> str:
    records, commands, skipped = counts
    summary = f"{records.records:,} records copied and verified; {records.already_there:,} of them were already there."
    if commands.records:
        summary += (
            f"\n{commands.records:,} submitted commands copied and verified; {commands.already_there:,} of them were "
            "already there."
        )
    if skipped:
        summary += f"\n{skipped:,} foreign messages of the topic were skipped: they are not records of its orders."
    if to == "data":
        return summary
    return (
        f"{summary}\nFrom now on, serve the topic {topic} (--log kafka, with a new data directory). Records that a "
        f"server still writes to {data} do not reach the topic."
    )
