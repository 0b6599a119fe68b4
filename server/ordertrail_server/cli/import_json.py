"""`ordertrail import-json`: import the JSON of older producers from a file or from their topic."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import IO, TYPE_CHECKING

import click

from ordertrail_server.cli.document_file import DocumentFile, InputRefused
from ordertrail_server.cli.import_report import REFUSED, LineReport, Report
from ordertrail_server.cli.kafka_log import kafka_settings, report_log_errors
from ordertrail_server.cli.log_option import LIBRDKAFKA, bootstrap_option
from ordertrail_server.cli.position_type import PositionType
from ordertrail_server.cli.server_call import FIRST_CONTACT_SECONDS, CallFailed, calls_server
from ordertrail_server.cli.target import Target, target_option
from ordertrail_server.cli.topic_report import TopicReport
from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from ordertrail.v1.order_import_service_pb2 import SourceDocument

UNREACHABLE = 2
# An origin has at most 128 characters, and an offset up to 19 digits.
MAX_TOPIC_LENGTH = 96
EPILOG = f"""\b
Examples:
  ordertrail import-json orders.jsonl
  ordertrail import-json orders.jsonl --json | grep '"line"'
  gunzip -c orders.jsonl.gz | ordertrail import-json -
  ordertrail import-json --from-topic orders --bootstrap 127.0.0.1:9092

Exit codes: 0 all imported, 1 some refused, 2 wrong usage, or no connection to
the server or the brokers.

{LIBRDKAFKA}"""


@click.command("import-json", epilog=EPILOG)
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--from-topic", metavar="NAME", help="Read all partitions of this Kafka topic instead of a file.")
@bootstrap_option(required=False)
@click.option(
    "--from-offset",
    "begin_offsets",
    metavar="PARTITION:OFFSET",
    type=PositionType(),
    multiple=True,
    help="Read the partition from this offset instead of from its beginning. Can be repeated.",
)
@click.option("--follow", is_flag=True, help="Continue with new messages until Ctrl-C.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per refused document, and one with the counts."
)
@target_option
@calls_server(exit_code=UNREACHABLE)
async def import_json(
    file: IO[bytes] | None,
    from_topic: str | None,
    bootstrap: str | None,
    begin_offsets: tuple[tuple[int, int], ...],
    follow: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Import orders that older producers wrote as JSON: one document per line of a file, or per message of a topic.

    Each document becomes one fact. A document that is not an order is reported with the reason, and the import
    continues.

    FILE can be - for standard input, or a pipe. It is read to its end before the first document is sent, because the
    origin of each order contains the digest of the whole file. Importing the same file again therefore adds nothing.
    In a changed file, all lines are new documents. Blank lines are skipped.

    A message of a topic is identified by topic, partition and offset, so a topic can be read again from any offset.
    The settings of the topic and the keys of its messages do not matter, and nothing is written to it. Messages
    without a value (tombstones) or with an empty one are reported and skipped.
    """
    if (file is None) == (from_topic is None):
        raise click.UsageError("Give either FILE or --from-topic NAME.")
    if file is not None and (begin_offsets or follow):
        raise click.UsageError("--from-offset and --follow need --from-topic.")
    if file is not None:
        lines = LineReport(as_json)
        await _import(_read_documents(_open_document_file(file), lines), lines, target)
        return
    assert from_topic is not None
    await _import_topic(from_topic, bootstrap, dict(begin_offsets), TopicReport(as_json), target, follow=follow)


async def _import(
    documents: "Iterator[SourceDocument] | AsyncIterator[SourceDocument]", report: Report, target: Target
) -> None:

    async with target.connect(actor="ordertrail import-json") as orders:
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
    topic: str,
    bootstrap: str | None,
    begin_offsets: dict[int, int],
    report: TopicReport,
    target: Target,
    *,
    follow: bool,
) -> None:
    if not bootstrap:
        raise click.UsageError("--from-topic needs --bootstrap HOST:PORT or ORDERTRAIL_BOOTSTRAP.")
    if len(topic) > MAX_TOPIC_LENGTH:
        raise click.UsageError(
            f"The name of the topic has more than {MAX_TOPIC_LENGTH} characters, too many for the origin of an order."
        )
    from ordertrail_server.cli.source_topic import SourceTopic
    from ordertrail_server.cli.topic_document import read_documents

    def warn(sentence: str) -> None:
        click.echo(sentence, err=True)

    with report_log_errors(UNREACHABLE), closing(SourceTopic(kafka_settings(bootstrap), topic, warn)) as source_topic:
        await source_topic.open(begin_offsets)
        await _import(read_documents(source_topic, topic, report, follow=follow), report, target)


def _open_document_file(file: IO[bytes]) -> DocumentFile:
    try:
        return DocumentFile(file, "Standard input" if file.name == "<stdin>" else escape(str(file.name)))
    except InputRefused as refusal:
        raise CallFailed(str(refusal), UNREACHABLE) from None


def _read_documents(file: DocumentFile, report: LineReport) -> "Iterator[SourceDocument]":
    from ordertrail.v1.order_import_service_pb2 import SourceDocument

    for line in file.lines():
        if line.json is None:
            report.too_long.append(line.number)
        else:
            yield SourceDocument(origin=f"{file.origin_prefix}{line.number}", json=line.json)
