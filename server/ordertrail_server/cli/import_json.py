"""`ordertrail import-json`: orders that older producers wrote, from a file or from their topic."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import IO, TYPE_CHECKING

import click

from ordertrail_server.cli.document_file import DocumentFile, InputRefused
from ordertrail_server.cli.import_report import REFUSED, LineReport, Report
from ordertrail_server.cli.kafka_log import kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option
from ordertrail_server.cli.position_type import PositionType
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, CallFailed, calls_server, target_option
from ordertrail_server.cli.topic_report import TopicReport
from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from ordertrail.v1.order_import_service_pb2 import SourceDocument

UNREACHABLE = 2
# An origin has at most 128 characters, and an offset up to 19 digits.
LONGEST_TOPIC = 96
EPILOG = f"""\b
Examples:
  ordertrail import-json orders.jsonl
  ordertrail import-json orders.jsonl --json | grep '"line"'
  gunzip -c orders.jsonl.gz | ordertrail import-json -
  ordertrail import-json --from-topic orders --bootstrap 127.0.0.1:9092

Exit codes: 0 all taken in, 1 some refused, 2 wrong usage, no server or no broker.

{LIBRDKAFKA}"""


@click.command("import-json", epilog=EPILOG)
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--from-topic", metavar="NAME", help="Read this Kafka topic, instead of a file: all of its partitions.")
@bootstrap_option(required=False)
@click.option(
    "--from-offset",
    "begin_offsets",
    metavar="PARTITION:OFFSET",
    type=PositionType(),
    multiple=True,
    help="Where a partition of the topic is read from (its beginning); may be repeated.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes to the topic until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a refused document, and one of the counts.")
@target_option
@calls_server(exit_code=UNREACHABLE)
async def import_json(
    file: IO[bytes] | None,
    from_topic: str | None,
    bootstrap: str | None,
    begin_offsets: tuple[tuple[int, int], ...],
    follow: bool,
    as_json: bool,
    target: str,
) -> None:
    """Take in orders that older producers wrote: one JSON document a line of a file, or a message of their topic.

    Each becomes the fact that its producer stated. Blank lines are skipped; a document that is no order is shown with
    its reason, and the rest goes in. Importing the same file again adds nothing; in a changed file all lines are new
    documents. FILE may be - for standard input, or a pipe: it is read to its end before the first document is sent,
    because the digest of all is part of each origin.

    Of a topic each message is known by topic, partition and offset, so it too may be read again, from its beginning or
    from anywhere. Its settings do not matter, keys have no meaning, and nothing is written to it. Messages without a
    value (tombstones) or with an empty one are told and skipped.
    """
    if (file is None) == (from_topic is None):
        raise click.UsageError("Name one: a FILE, or --from-topic NAME.")
    if file is not None and (begin_offsets or follow):
        raise click.UsageError("--from-offset and --follow go with --from-topic.")
    if file is not None:
        lines = LineReport(as_json)
        await _import(_documents(_document_file(file), lines), lines, target)
        return
    assert from_topic is not None
    await _import_topic(from_topic, bootstrap, dict(begin_offsets), TopicReport(as_json), target, follow=follow)


async def _import(
    documents: "Iterator[SourceDocument] | AsyncIterator[SourceDocument]", report: Report, target: str
) -> None:
    from ordertrail.client import connect

    async with connect(target, actor="ordertrail import-json") as orders:
        await orders.reach(FIRST_CONTACT_SECONDS)
        try:
            async with aclosing(orders.import_documents(documents)) as results:
                async for result in results:
                    report.count_result(result)
        finally:
            report.print_counts()
    if report.counts[REFUSED]:
        raise click.exceptions.Exit(1)


async def _import_topic(
    topic: str, bootstrap: str | None, begin_offsets: dict[int, int], report: TopicReport, target: str, *, follow: bool
) -> None:
    if not bootstrap:
        raise click.UsageError("--from-topic needs --bootstrap HOST:PORT (ORDERTRAIL_BOOTSTRAP).")
    if len(topic) > LONGEST_TOPIC:
        raise click.UsageError(
            f"A topic is named in at most {LONGEST_TOPIC} characters here: an origin has no room for more."
        )
    from ordertrail_server.cli.source_topic import SourceTopic
    from ordertrail_server.cli.topic_document import read_documents

    def warn(sentence: str) -> None:
        click.echo(sentence, err=True)

    with report_log_errors(UNREACHABLE), closing(SourceTopic(kafka_settings(bootstrap), topic, warn)) as source_topic:
        await source_topic.open(begin_offsets)
        await _import(read_documents(source_topic, topic, report, follow=follow), report, target)


def _document_file(file: IO[bytes]) -> DocumentFile:
    try:
        return DocumentFile(file, "Standard input" if file.name == "<stdin>" else escape(str(file.name)))
    except InputRefused as refusal:
        raise CallFailed(str(refusal), UNREACHABLE) from None


def _documents(file: DocumentFile, report: LineReport) -> "Iterator[SourceDocument]":
    from ordertrail.v1.order_import_service_pb2 import SourceDocument

    for line in file.lines():
        if line.json is None:
            report.too_long.append(line.number)
        else:
            yield SourceDocument(origin=f"{file.origin_prefix}{line.number}", json=line.json)
