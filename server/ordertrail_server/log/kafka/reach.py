"""Whether any broker answers, and why none does: librdkafka's questions only say that time is over."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from ordertrail_server.log.kafka.settings import Settings, admin_settings, create_client
from ordertrail_server.log.port import LogUnavailable

REACH_SECONDS = 5.0
# More broker than one may be told of; what is wrong with one of them says more than this.
_SUMMARY_ERROR = KafkaError._ALL_BROKERS_DOWN


def reach_brokers(settings: Settings, patience_s: float = REACH_SECONDS) -> AdminClient:
    """Return a client once a broker has answered it. Blocks.

    Raises LogUnavailable, which says what kept it from each; KafkaSettingRefused.
    """
    errors: list[KafkaError] = []
    admin = create_client(AdminClient, {**admin_settings(settings), "error_cb": errors.append})
    try:
        admin.list_topics(timeout=patience_s)
    except KafkaException as error:
        admin.poll(0)  # only now is told what happened meanwhile
        reasons = [error.str() for error in errors if error.code() != _SUMMARY_ERROR] or [error.args[0].str()]
        brokers = settings.get("bootstrap.servers", "")
        raise LogUnavailable(f"no broker of {brokers} answers: {'; '.join(_distinct(reasons))}") from error
    return admin


def _distinct(reasons: list[str]) -> list[str]:
    """Return each broker's last reason, without how long it took."""
    last = {reason.partition(": ")[0]: reason.partition(" (after ")[0] for reason in reasons}
    return list(last.values())
