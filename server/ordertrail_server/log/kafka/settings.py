"""Settings of librdkafka: fixed ones that guarantees need, defaults for others, and the user's own.

The meaning of each: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
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

# The maximum size of a producer's batch, and so of a record.
BATCH_BYTES = 1_000_000

# Another value of any of these would break a guarantee: durability, order, completeness or visibility.
_PRODUCER_GUARANTEES: dict[str, Value] = {"acks": "all", "enable.idempotence": True}
_CONSUMER_GUARANTEES: dict[str, Value] = {
    "auto.offset.reset": "error",
    "check.crcs": True,
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    # A foreign producer's open transaction must not block the fold.
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
    "group.id": "ordertrail",  # librdkafka requires one; no group is joined
    "fetch.error.backoff.ms": 50,
    "fetch.queue.backoff.ms": 10,
    # Consumers are not polled all the time, so their log messages would pile up.
    "log_level": 0,
}

_GROUP_DEFAULTS: dict[str, Value] = {
    # How soon the group notices that a member has died. By default brokers allow no less than 6 seconds.
    "session.timeout.ms": 10_000,
    # With a heartbeat, the other members learn that one has left or died.
    "heartbeat.interval.ms": 1_000,
}


class KafkaSettingRefused(LogRefused, ValueError):
    """A setting would break a guarantee of the log, or librdkafka does not accept it; the message names it."""


def create_client(client_class: Callable[[dict[str, Any]], Client], settings: Mapping[str, object]) -> Client:
    """Create a client of librdkafka with these settings. Raises KafkaSettingRefused."""
    for name, value in settings.items():
        _check_text(f"The setting {name!a}", name)
        _check_text(f"The value of {name}", value)
    try:
        return client_class(dict(settings))
    except KafkaException as error:
        raise KafkaSettingRefused(f"librdkafka does not accept these settings: {error.args[0].str()}") from error


def check_topic_encoding(name: str) -> None:
    """Raise KafkaSettingRefused for an empty name, or one that is not UTF-8, which the Kafka client does not accept."""
    if not name:
        raise KafkaSettingRefused("The name of the topic is empty.")
    _check_text("The name of the topic", name)


def _check_text(subject: str, text: object) -> None:
    """Raise KafkaSettingRefused for text that cannot be encoded in UTF-8, because the Kafka client would crash.

    Python creates such text from undecodable bytes in arguments and in the environment.
    """
    try:
        if isinstance(text, str):
            text.encode()
    except UnicodeEncodeError:
        raise KafkaSettingRefused(f"{subject} is not UTF-8.") from None


def producer_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of the producer. Raises KafkaSettingRefused."""
    _refuse_fixed(user_settings)
    accepted = {name: value for name, value in user_settings.items() if name not in _GROUP_DEFAULTS}
    return {
        **_CONNECTION_DEFAULTS,
        "linger.ms": 0,  # the writer already batches, and each millisecond here would delay every caller
        "message.timeout.ms": 10_000,
        "queue.buffering.max.messages": 1_000_000,
        **accepted,
        **_PRODUCER_GUARANTEES,
        "batch.size": BATCH_BYTES,
        "message.max.bytes": BATCH_BYTES,
        "logger": _log,
    }


def reader_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of a consumer that reads existing records. Raises KafkaSettingRefused."""
    # At the end a fetch must return soon, because the consumer cannot seek while it waits.
    return _consumer_settings(user_settings, {"fetch.wait.max.ms": 10, "queued.max.messages.kbytes": 16_384})


def tail_settings(user_settings: Settings) -> dict[str, object]:
    """Return the settings of a consumer that waits at the end for new records. Raises KafkaSettingRefused."""
    # It fetches little ahead, because this server rarely reads the records that it wrote itself.
    return _consumer_settings(
        user_settings, {"fetch.wait.max.ms": 500, "queued.min.messages": 1, "queued.max.messages.kbytes": 4_096}
    )


def group_settings(user_settings: Settings, group: str, client_id: str) -> dict[str, object]:
    """Return the settings of a member of a group that fetches nothing. Raises KafkaSettingRefused."""
    return {
        **_GROUP_DEFAULTS,
        **_consumer_settings(user_settings, {}),
        "client.id": client_id,
        "group.id": group,
        "group.protocol": "classic",
        # A server that joins does not take the partition away from another one.
        "partition.assignment.strategy": "cooperative-sticky",
    }


def session_seconds(user_settings: Settings) -> float:
    """Return how long a group waits for a member that has died. Raises KafkaSettingRefused."""
    value = user_settings.get("session.timeout.ms", _GROUP_DEFAULTS["session.timeout.ms"])
    try:
        return int(value) / 1_000
    except ValueError:
        raise KafkaSettingRefused(f"session.timeout.ms is {value!r}, and must be a whole number.") from None


def admin_settings(user_settings: Settings) -> dict[str, Value]:
    """Return the settings of an admin client. Raises KafkaSettingRefused."""
    _refuse_fixed(user_settings)
    # librdkafka accepts this setting for idempotent producers only, and treats an admin client as a plain producer.
    accepted = {name: value for name, value in user_settings.items() if name != "enable.gapless.guarantee"}
    return {**_CONNECTION_DEFAULTS, "log_level": 0, **accepted}


def _consumer_settings(user_settings: Settings, kind_settings: dict[str, Value]) -> dict[str, object]:
    _refuse_fixed(user_settings)
    return {**_CONNECTION_DEFAULTS, **_CONSUMER_DEFAULTS, **kind_settings, **user_settings, **_CONSUMER_GUARANTEES}


def _refuse_fixed(user_settings: Settings) -> None:
    for name in user_settings:
        if name.removeprefix("topic.") in FIXED:
            raise KafkaSettingRefused(f"{name} cannot be set, because guarantees of Ordertrail depend on it.")
