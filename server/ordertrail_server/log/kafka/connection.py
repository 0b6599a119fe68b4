"""Connects to the brokers, and explains why none answers, because librdkafka's queries only report a timeout."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.broker_wait import CONNECT_SECONDS
from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client
from ordertrail_server.log.port import LogUnavailable

# This error only summarizes the others. The errors of single brokers have the details.
_SUMMARY_ERROR = KafkaError._ALL_BROKERS_DOWN


def connect_to_brokers(settings: Settings, timeout_s: float = CONNECT_SECONDS) -> AdminClient:
    """Return a client once a broker has answered it. Blocks.

    Raises LogUnavailable with the reason for each broker; KafkaSettingRefused.
    """
    errors: list[KafkaError] = []
    admin = create_client(AdminClient, {**admin_settings(settings), "error_cb": errors.append})
    try:
        admin.list_topics(timeout=timeout_s)
    except KafkaException as error:
        admin.poll(0)  # delivers the errors that occurred meanwhile
        reasons = [error.str() for error in errors if error.code() != _SUMMARY_ERROR] or [error.args[0].str()]
        brokers = settings.get("bootstrap.servers", "")
        raise LogUnavailable(f"cannot connect to any broker of {brokers}: {'; '.join(_distinct(reasons))}") from error
    return admin


def _distinct(reasons: list[str]) -> list[str]:
    """Return each broker's last reason, without how long it took."""
    last = {reason.partition(": ")[0]: reason.partition(" (after ")[0] for reason in reasons}
    return list(last.values())
