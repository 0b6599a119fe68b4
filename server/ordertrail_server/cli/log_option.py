"""The options that name a log: --data, --bootstrap and --topic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from ordertrail_server.log.kafka.names import parse_brokers, parse_topic_name
from ordertrail_server.log.topic_name import ORDER_EVENTS, commands_topic_of, subscriptions_topic_of

F = TypeVar("F", bound=Callable[..., Any])

LIBRDKAFKA = (
    "ORDERTRAIL_KAFKA_… sets any setting of librdkafka: ORDERTRAIL_KAFKA_SASL_USERNAME sets sasl.username, for example."
)
"""A part of the help of every command that uses Kafka."""


def data_option(help_text: str, *, must_exist: bool = True, **attributes: Any) -> Callable[[F], F]:
    """Add `--data`, a data directory. `attributes` are those of a click option."""
    directory = click.Path(path_type=Path, exists=must_exist, file_okay=False)
    return click.option("--data", type=directory, metavar="DIR", help=help_text, **attributes)


def bootstrap_option(*, required: bool = True) -> Callable[[F], F]:
    """Add `--bootstrap`."""
    return click.option(
        "--bootstrap",
        metavar="HOST:PORT,…",
        required=required,
        callback=_create_check(parse_brokers),
        envvar="ORDERTRAIL_BOOTSTRAP",
        show_envvar=True,
        help="Brokers of the Kafka cluster for the first connection, separated by commas.",
    )


def topic_option(command: F) -> F:
    """Add `--topic`, the topic of the log."""
    return click.option(
        "--topic",
        metavar="NAME",
        callback=_create_check(parse_topic_name),
        default=ORDER_EVENTS,
        show_default=True,
        envvar="ORDERTRAIL_TOPIC",
        show_envvar=True,
        help="The Kafka topic of the log.",
    )(command)


def commands_topic_option(command: F) -> F:
    """Add `--commands-topic`, the topic of submitted commands; see `choose_commands_topic`."""
    return click.option(
        "--commands-topic",
        metavar="NAME",
        callback=_create_check(parse_topic_name),
        envvar="ORDERTRAIL_COMMANDS_TOPIC",
        show_envvar=True,
        help="The Kafka topic of submitted commands. By default it has the name of the log's topic, with .commands "
        "instead of .events at the end, or in addition.",
    )(command)


def subscriptions_topic_option(command: F) -> F:
    """Add `--subscriptions-topic`, the topic of subscriptions; see `choose_topics`."""
    return click.option(
        "--subscriptions-topic",
        metavar="NAME",
        callback=_create_check(parse_topic_name),
        envvar="ORDERTRAIL_SUBSCRIPTIONS_TOPIC",
        show_envvar=True,
        help="The Kafka topic of subscriptions. By default it has the name of the log's topic, with .subscriptions "
        "instead of .events at the end, or in addition.",
    )(command)


class TopicNames(NamedTuple):
    """The names of the topics of a log: of events, of submitted commands, and of subscriptions."""

    events: str
    commands: str
    subscriptions: str


def choose_topics(topic: str, commands_topic: str | None, subscriptions_topic: str | None) -> TopicNames:
    """Return the names of all topics beside the topic of the log. Raises UsageError."""
    commands = choose_commands_topic(topic, commands_topic)
    subscriptions = subscriptions_topic or subscriptions_topic_of(topic)
    if subscriptions in (topic, commands):
        raise click.UsageError(f"Subscriptions need a topic of their own, and {subscriptions} is another one.")
    return TopicNames(topic, commands, subscriptions)


def choose_commands_topic(topic: str, commands_topic: str | None) -> str:
    """Return the name of the topic of submitted commands beside the topic of the log. Raises UsageError."""
    name = commands_topic or commands_topic_of(topic)
    if name == topic:
        raise click.UsageError(f"Submitted commands need another topic than the log, which is on {topic}.")
    return name


def _create_check(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def callback(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} cannot be used: {error}.", param=option) from None

    return callback
