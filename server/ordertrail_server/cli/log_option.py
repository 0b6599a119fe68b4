"""The options that name a log: --data, --bootstrap and --topic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ordertrail_server.log.kafka.names import parse_brokers, parse_topic_name
from ordertrail_server.log.topic_name import ORDER_EVENTS

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


def _create_check(check: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    def callback(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
        try:
            return None if value is None else check(value)
        except ValueError as error:
            raise click.BadParameter(f"{value!r} cannot be used: {error}.", param=option) from None

    return callback
