"""The log that the settings name."""

from ordertrail_server.log.source import EmbeddedSource, KafkaSource, LogSource
from ordertrail_server.schema.cloud_event import command_headers_of, headers_of
from ordertrail_server.settings import Settings


def create_source(settings: Settings, connect_timeout_s: float) -> LogSource:
    """Return where the log is opened. Brokers that do not answer for `connect_timeout_s` fail the start."""
    if settings.log == "kafka":
        return KafkaSource(
            settings.data,
            settings.bootstrap,
            settings.topic,
            headers_of,
            connect_timeout_s,
            settings.commands_topic,
            command_headers_of,
            has_statistics=bool(settings.admin_listen),
        )
    return EmbeddedSource(settings.data)
