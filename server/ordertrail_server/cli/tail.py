"""`ordertrail tail`: print the records of a log, whether or not a server is running."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ordertrail_server.cli.kafka_log import kafka_settings, open_topic, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option, data_option, topic_option
from ordertrail_server.log.position import MAX_PARTITIONS, OFFSETS

if TYPE_CHECKING:
    from ordertrail_server.cli.partition_tail import Show
    from ordertrail_server.log.port import Log

EPILOG = f"""\b
Examples:
  ordertrail tail --data ./data
  ordertrail tail --data ./data --partition 0 --from 1200 --follow
  ordertrail tail --data ./data --json | head -3
  ordertrail tail --bootstrap 127.0.0.1:9092 --partition 0 --from 1200
  ordertrail tail --bootstrap 127.0.0.1:9092 --group watchers

{LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@data_option("A data directory with an embedded log.")
@bootstrap_option(required=False)
@topic_option
@click.option(
    "--partition",
    metavar="N",
    type=click.IntRange(0, MAX_PARTITIONS - 1),
    help="Print only this partition instead of all, one after another.",
)
@click.option(
    "--from",
    "offset",
    type=click.IntRange(0, OFFSETS - 1),
    metavar="OFFSET",
    help="The first offset to print, by default 0. Needs --partition if there are several.",
)
@click.option(
    "--group", metavar="NAME", help="Share the partitions with all processes of this group. Implies --follow."
)
@click.option("--follow", is_flag=True, help="Continue with new records until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per record.")
@click.pass_context
def tail(
    ctx: click.Context,
    data: Path | None,
    bootstrap: str | None,
    topic: str,
    partition: int | None,
    offset: int | None,
    group: str | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Print the decoded records of a log: of a data directory, or of a Kafka topic.

    A record that cannot be read is printed with the reason. Each record of a topic has its verdict: fact, void,
    broken, foreign or barrier. A verdict depends on all earlier records, so a partition is always read from its
    beginning, even with --from.

    With --group, several processes share the partitions. Each prints its own partitions from the offsets that the
    group has committed. If a process ends, the others take over its partitions (after 6 seconds if it was killed), and
    may print its last records again. A new group begins at offset 0. Servers neither read nor write these offsets.
    """
    if data and bootstrap and ctx.get_parameter_source("bootstrap") is click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("Give either --data or --bootstrap.")
    if group and (data or partition is not None or offset is not None):
        raise click.UsageError("--group needs --bootstrap, and excludes --data, --partition and --from.")
    with report_log_errors():
        asyncio.run(_tail(data, bootstrap, topic, _Selection(partition, offset, group, follow), as_json))


class _Selection(NamedTuple):
    """The selection of records to show."""

    partition: int | None
    offset: int | None
    group: str | None
    follow: bool


async def _tail(data: Path | None, bootstrap: str | None, topic: str, selection: _Selection, as_json: bool) -> None:
    from ordertrail_server.cli import record_text
    from ordertrail_server.log.embedded.log import EmbeddedLog

    if data is not None:
        log: Log = EmbeddedLog.follow(data)
    elif bootstrap:
        log = await open_topic(bootstrap, topic)
    else:
        raise click.UsageError("Give either --data DIR or --bootstrap HOST:PORT.")
    show = record_text.record_json if as_json else record_text.record_text
    try:
        if selection.group and bootstrap:
            await _print_group(log, bootstrap, selection.group, show)
        else:
            await _print(log, selection, show, is_judged=data is None)
    finally:
        await log.close()


async def _print_group(log: "Log", bootstrap: str, group: str, show: "Show") -> None:
    from ordertrail_server.cli.group_tail import GroupTail

    await GroupTail(log, kafka_settings(bootstrap), group, show).run()


async def _print(log: "Log", selection: _Selection, show: "Show", *, is_judged: bool) -> None:
    from ordertrail_server.cli.partition_tail import PartitionTail, run_concurrently
    from ordertrail_server.facts.partition_fold import PartitionFold

    begin = selection.offset or 0
    tails = [
        PartitionTail(log, partition, show, PartitionFold(partition, log.partitions) if is_judged else None)
        for partition in _select_partitions(log, selection)
    ]
    if selection.follow:
        await run_concurrently(partition_tail.run(begin, follow=True) for partition_tail in tails)
    else:
        for partition_tail in tails:
            await partition_tail.run(begin, follow=False)


def _select_partitions(log: "Log", selection: _Selection) -> range:
    if selection.partition is None:
        if selection.offset and log.partitions > 1:
            raise click.UsageError("--from needs --partition, because each partition has its own offsets.")
        return range(log.partitions)
    if selection.partition >= log.partitions:
        raise click.UsageError(
            f"The log has no partition {selection.partition}. It has the partitions 0 to {log.partitions - 1}."
        )
    return range(selection.partition, selection.partition + 1)
