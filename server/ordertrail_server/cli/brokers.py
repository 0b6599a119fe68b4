"""The shared parts of commands that use Kafka: options, settings and error messages."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ordertrail_server.cli.target import CallFailed
from ordertrail_server.log.kafka.names import DEFAULT_TOPIC, parse_brokers, parse_topic_name
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail_server.log.kafka.log import KafkaLog
    from ordertrail_server.log.kafka.settings import Value

F = TypeVar("F", bound=Callable[..., Any])

ENVIRONMENT = (
    "ORDERTRAIL_KAFKA_… sets any setting of librdkafka: ORDERTRAIL_KAFKA_SASL_USERNAME sets sasl.username, for example."
)


def bootstrap_option(*, required: bool = True) -> Callable[[F], F]:
    """Add `--bootstrap`."""
    return click.option(
        "--bootstrap",
        metavar="HOST:PORT,…",
        required=required,
        callback=_checked(parse_brokers),
        envvar="ORDERTRAIL_BOOTSTRAP",
        show_envvar=True,
        help="Brokers of the Kafka cluster to begin with.",
    )


def topic_option(command: F) -> F:
    """Add `--topic`, the topic of the log."""
    return click.option(
        "--topic",
        metavar="NAME",
        callback=_checked(parse_topic_name),
        default=DEFAULT_TOPIC,
        show_default=True,
        envvar="ORDERTRAIL_TOPIC",
        show_envvar=True,
        help="The topic of the log.",
    )(command)


def _checked(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def callback(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} cannot be used: {error}.", param=option) from None

    return callback


def kafka_settings(bootstrap: str) -> "dict[str, Value]":
    """Return the settings that a server would use, from the same environment."""
    from ordertrail_server.log.kafka.environment import settings_from_environment

    return {**settings_from_environment(os.environ), "bootstrap.servers": bootstrap}


async def open_topic(bootstrap: str, topic: str) -> "KafkaLog":
    """Open the log on a topic like a server. Raises LogRefused, LogUnavailable."""
    import logging

    from ordertrail_server.log.kafka.log import KafkaLog
    from ordertrail_server.schema.cloud_event import headers_of

    # Only `serve` and `topics check` print notes.
    logging.getLogger("ordertrail_server.log.kafka.log").setLevel(logging.ERROR)
    return await KafkaLog.open(kafka_settings(bootstrap), topic, headers_of=headers_of)


@contextmanager
def report_refusals(exit_code: int = 1) -> Iterator[None]:
    """End a command with one sentence if a log or its directory cannot be used."""
    try:
        yield
    except OperatorError as refusal:
        raise CallFailed(f"{refusal}{_hint(refusal)}", exit_code) from None


def _hint(refusal: Exception) -> str:
    if type(refusal).__name__ != "TopicMissing":  # not imported, because the Kafka client loads slowly
        return ""
    return " `ordertrail topics create --help` says how to make one."
