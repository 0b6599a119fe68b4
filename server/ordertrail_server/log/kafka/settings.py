"""Settings of librdkafka: those that the log's promises rest on, good defaults for the rest, and the user's own.

What each means: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from ordertrail_server.log.port import LogRefused

_log = logging.getLogger("ordertrail_server.log.kafka.log")

Value = str | int | float | bool
Settings = Mapping[str, Value]
Client = TypeVar("Client")

# A batch of the producer's holds at most so many bytes, and a record no more.
BATCH_BYTES = 1_000_000

# Each of them, set otherwise, would break a promise: durability, order, completeness, or who sees what.
_PRODUCER_GUARANTEES: dict[str, Value] = {"acks": "all", "enable.idempotence": True}
_CONSUMER_GUARANTEES: dict[str, Value] = {
    "auto.offset.reset": "error",
    "check.crcs": True,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # A foreign producer's open transaction must not hold up the fold.
    "isolation.level": "read_uncommitted",
}
_FIXED_ALIASES = {
    "batch.size",
    "delivery.report.only.error",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "partitioner",
    "request.required.acks",
    "transactional.id",
}
FIXED = frozenset({*_PRODUCER_GUARANTEES, *_CONSUMER_GUARANTEES, *_FIXED_ALIASES})

# librdkafka waits up to 10 s before it tries a broker again, and a minute for an answer.
_CONNECTION_DEFAULTS: dict[str, Value] = {
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
    "socket.timeout.ms": 10_000,
    "socket.keepalive.enable": True,
    "log.connection.close": False,
}
_CONSUMER_DEFAULTS: dict[str, Value] = {
    "group.id": "ordertrail",  # librdkafka asks for one; no group is joined
    "fetch.error.backoff.ms": 50,
    "fetch.queue.backoff.ms": 10,
    # Handles that only read are not polled all the time, and what they log unpolled would pile up.
    "log_level": 0,
}


class KafkaSettingRefused(LogRefused, ValueError):
    """A setting that the log's promises rest on was to be changed, or librdkafka does not take one; says which."""


def create_client(client_class: Callable[[dict[str, Any]], Client], settings: Mapping[str, object]) -> Client:
    """Return a client of librdkafka with these settings. Raises KafkaSettingRefused."""
    for name, value in settings.items():
        _check_text(f"The setting {name!a}", name)
        _check_text(f"The value of {name}", value)
    try:
        return client_class(dict(settings))
    except KafkaException as error:
        raise KafkaSettingRefused(f"librdkafka does not take these settings: {error.args[0].str()}") from error


def check_topic_encoding(name: str) -> None:
    """Raise KafkaSettingRefused for a name that no topic has and that the Kafka client does not take."""
    if not name:
        raise KafkaSettingRefused("The name of the topic is empty.")
    _check_text("The name of the topic", name)


def _check_text(subject: str, text: object) -> None:
    """Raise KafkaSettingRefused for text that has no UTF-8, with which the Kafka client would crash the process.

    Python makes such text of bytes in arguments and in the environment that it cannot decode.
    """
    try:
        if isinstance(text, str):
            text.encode()
    except UnicodeEncodeError:
        raise KafkaSettingRefused(f"{subject} is not UTF-8.") from None


def producer_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of the producer. Raises KafkaSettingRefused."""
    _refuse_fixed(user_settings)
    return {
        **_CONNECTION_DEFAULTS,
        "linger.ms": 0,  # the writer batches; 5 ms of it is 5 ms more for every caller
        "message.timeout.ms": 10_000,
        "queue.buffering.max.messages": 1_000_000,
        **user_settings,
        **_PRODUCER_GUARANTEES,
        "batch.size": BATCH_BYTES,
        "message.max.bytes": BATCH_BYTES,
        "logger": _log,
    }


def reader_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of a consumer that reads on where records are. Raises KafkaSettingRefused."""
    # At the end a fetch returns soon: while one is out, the consumer cannot go elsewhere.
    return _consumer_settings(user_settings, {"fetch.wait.max.ms": 10, "queued.max.messages.kbytes": 16_384})


def tail_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of a consumer that waits at the end for what comes. Raises KafkaSettingRefused."""
    # It need not fetch more before what has come is taken: most often nobody takes what a writer itself wrote.
    return _consumer_settings(
        user_settings, {"fetch.wait.max.ms": 500, "queued.min.messages": 1, "queued.max.messages.kbytes": 4_096}
    )


def admin_settings(user_settings: Settings) -> dict[str, Value]:
    """Return the settings of what only asks for metadata. Raises KafkaSettingRefused."""
    _refuse_fixed(user_settings)
    # librdkafka takes it of idempotent producers only, and what administers a cluster counts as a producer.
    fitting = {name: value for name, value in user_settings.items() if name != "enable.gapless.guarantee"}
    return {**_CONNECTION_DEFAULTS, "log_level": 0, **fitting}


def _consumer_settings(user_settings: Settings, kind_settings: dict[str, Value]) -> dict[str, object]:
    _refuse_fixed(user_settings)
    return {**_CONNECTION_DEFAULTS, **_CONSUMER_DEFAULTS, **kind_settings, **user_settings, **_CONSUMER_GUARANTEES}


def _refuse_fixed(user_settings: Settings) -> None:
    for name in user_settings:
        if name.removeprefix("topic.") in FIXED:
            raise KafkaSettingRefused(f"{name} cannot be set: what Ordertrail promises rests on it.")
