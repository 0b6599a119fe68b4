"""`ordertrail log copy`: from a data directory to a topic, and back."""

import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from ordertrail_server.cli.kafka_log import open_topic, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, data_option, topic_option
from ordertrail_server.cli.value_text import json_line

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
@click.option("--to", type=click.Choice(["topic", "data"]), required=True, help="Which of the two gets the copy.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object of the counts.")
def copy(data: Path, bootstrap: str, topic: str, to: Literal["topic", "data"], as_json: bool) -> None:
    """Copy every record of a log, byte for byte and in order, so that chains and digests stay; then verify each.

    The topic must have as many partitions as the data directory's log, which has 1 (`ordertrail topics create
    --partitions 1`); a new data directory gets as many as the topic has. The target must be empty, or hold the
    beginning of a copy of the same log: a copy that was ended half-way is finished by copying again, and so is a backup
    brought up to date. Anything else is refused, and nothing is written.

    Foreign messages of a topic are left out of a data directory and counted: they have no effect, and in an embedded
    log, which has one writer, they would be damage.

    Only records, their keys and order are copied: the copy is another log, so tokens of the one are not honoured on
    the other, and headers are made anew. While a topic is copied to a directory, servers may write to it: what it held
    at the start is copied. Exit codes: 0 copied and verified, 1 not.
    """
    from rich.progress import Progress

    with report_log_errors(), Progress(disable=as_json or not sys.stdout.isatty(), transient=True) as bar:
        task = bar.add_task("copying and verifying")
        try:
            result, left_out = asyncio.run(
                _copy(data, bootstrap, topic, to, lambda done, total: bar.update(task, completed=done, total=total))
            )
        except (OSError, ValueError) as error:  # a disk that is full, a record that is too large for the topic
            raise click.ClickException(str(error)) from error
    click.echo(
        json_line(_result_json(result, left_out, to)) if as_json else _result_text(result, left_out, data, topic, to)
    )


async def _copy(
    data: Path, bootstrap: str, topic: str, to: str, report_progress: "ReportProgress"
) -> "tuple[CopyResult, int]":
    from ordertrail_server.cli.log.log_copy import copy
    from ordertrail_server.cli.log.own_records import OwnRecords
    from ordertrail_server.log.data_directory import open_to_serve
    from ordertrail_server.log.embedded.in_use import open_when_free
    from ordertrail_server.log.embedded.log import EmbeddedLog

    async with AsyncExitStack() as stack:

        async def close_at_end(log: "Log") -> "Log":
            stack.push_async_callback(log.close)
            return log

        if to == "topic":
            embedded = await close_at_end(await open_when_free(partial(EmbeddedLog.open, data), stack))
            return await copy(embedded, await close_at_end(await open_topic(bootstrap, topic)), report_progress), 0
        on_kafka = await close_at_end(await open_topic(bootstrap, topic))
        opening = partial(open_to_serve, data, partitions=on_kafka.partitions)
        own = OwnRecords(on_kafka)
        return await copy(own, await close_at_end(await open_when_free(opening, stack)), report_progress), own.left_out


def _result_json(result: "CopyResult", left_out: int, to: str) -> dict[str, object]:
    counts = {"records": result.records, "alreadyThere": result.already_there, "foreignLeftOut": left_out}
    return {"to": to, **counts, "verified": True}


def _result_text(result: "CopyResult", left_out: int, data: Path, topic: str, to: str) -> str:
    summary = f"{result.records:,} records copied and verified, of which {result.already_there:,} were there before."
    if left_out:
        summary += f"\n{left_out:,} foreign messages of the topic were left out: they are no records of an order."
    if to == "data":
        return summary
    return (
        f"{summary}\nFrom now on serve the topic {topic} (--log kafka, with a new data directory). What a server still "
        f"wrote to {data} would not be on the topic."
    )
