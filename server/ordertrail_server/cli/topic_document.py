"""Converts the messages of an older producers' topic to documents to import."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from confluent_kafka import Message

from ordertrail.v1.order_import_service_pb2 import SourceDocument
from ordertrail_server.cli.document_line import MAX_DOCUMENT_BYTES
from ordertrail_server.cli.source_topic import SourceTopic
from ordertrail_server.cli.topic_report import TopicReport, format_origin


async def read_documents(
    source_topic: SourceTopic, topic: str, report: TopicReport, *, follow: bool
) -> AsyncIterator[SourceDocument]:
    """Yield the topic's messages as documents to import. Report messages that are not documents."""
    async with aclosing(source_topic.messages(follow=follow)) as messages:
        async for message in messages:
            if (document := _create_document(message, topic, report)) is not None:
                yield document


def _create_document(message: Message, topic: str, report: TopicReport) -> SourceDocument | None:
    origin = format_origin(topic, message.partition() or 0, message.offset() or 0)
    key, value = (message.key() or b"").decode(errors="backslashreplace"), message.value()
    if value is None:
        report.report_tombstone(origin, key)
    elif not value:
        report.report_empty(origin, key)
    elif len(value) > MAX_DOCUMENT_BYTES:
        report.report_too_long(origin, len(value))
    else:
        return SourceDocument(origin=origin, json=value)
    return None
