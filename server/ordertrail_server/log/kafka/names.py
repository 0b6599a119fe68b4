"""Validates names of brokers and topics, because librdkafka accepts invalid ones and then never finds them."""

import re

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
LAST_PORT = 65_535


def parse_topic_name(name: str) -> str:
    """Return the name if Kafka allows it for a topic. Raises ValueError otherwise."""
    if not TOPIC_NAME.fullmatch(name) or name in (".", ".."):
        raise ValueError("Kafka allows no such name")
    return name


def parse_brokers(text: str) -> str:
    """Return the comma-separated broker addresses, if any. Raises ValueError for a missing host or a bad port."""
    for broker in text.split(",") if text else ():
        if not _is_broker(broker.strip()):
            raise ValueError(f"{broker!r} is no broker")
    return text


def _is_broker(broker: str) -> bool:
    host, colon, port = broker.rpartition(":")
    if not colon or broker.endswith("]"):
        return _is_host(broker)  # on Kafka's own port
    return _is_host(host) and port.isascii() and port.isdigit() and 0 < int(port[:6]) <= LAST_PORT


def _is_host(host: str) -> bool:
    return bool(host) and host.isprintable() and " " not in host
