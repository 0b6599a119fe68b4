"""The log on a Kafka topic: how commands open it, and the error messages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ordertrail_server.cli.server_call import CallFailed
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.findings import Topic
    from ordertrail_server.log.kafka.log import KafkaLog
    from ordertrail_server.log.kafka.settings import Value


def kafka_settings(bootstrap: str) -> "dict[str, Value]":
    """Return the settings that a server would use, from the same environment."""
    from ordertrail_server.log.kafka.environment import settings_from_environment

    return {**settings_from_environment(os.environ), "bootstrap.servers": bootstrap}


async def open_topic(bootstrap: str, topic: str, commands_topic: str = "") -> "KafkaLog":
    """Open the log on a topic like a server. Raises LogRefused, LogUnavailable.

    With `commands_topic` its log of commands is opened too, if that topic exists.
    """
    import logging

    from ordertrail_server.log.kafka.log import KafkaLog
    from ordertrail_server.schema.cloud_event import command_headers_of, headers_of

    # Only `serve` and `topics check` print notes.
    logging.getLogger("ordertrail_server.log.kafka.log").setLevel(logging.ERROR)
    return await KafkaLog.open(
        kafka_settings(bootstrap),
        topic,
        headers_of=headers_of,
        commands_topic=commands_topic,
        commands_headers_of=command_headers_of,
    )


def find_topic(settings: "dict[str, Value]", name: str, *, is_retried: bool = True) -> "Topic | None":
    """Return the description of a topic, if it exists.

    The query is retried, because a broker that has just restarted may not know the topic. Raises LogUnavailable,
    LogRefused.
    """
    from ordertrail_server.log.kafka.topic import MAX_ATTEMPTS, TopicMissing, describe_topic

    try:
        return describe_topic(settings, name, attempts=MAX_ATTEMPTS if is_retried else 1)
    except TopicMissing:
        return None


@contextmanager
def report_log_errors(exit_code: int = 1) -> Iterator[None]:
    """End a command with one sentence if a log or its directory cannot be used."""
    try:
        yield
    except OperatorError as refusal:
        raise CallFailed(f"{refusal}{_hint(refusal)}", exit_code) from None


def _hint(refusal: Exception) -> str:
    if type(refusal).__name__ != "TopicMissing":  # not imported, because the Kafka client loads slowly
        return ""
    return " Create it with `ordertrail topics create`."
