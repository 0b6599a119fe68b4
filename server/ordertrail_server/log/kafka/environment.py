"""Settings of librdkafka from the environment: ORDERTRAIL_KAFKA_SASL_USERNAME is sasl.username."""

from collections.abc import Mapping

from ordertrail_server.log.kafka.settings import Value

PREFIX = "ORDERTRAIL_KAFKA_"
# The only setting of librdkafka with an underscore instead of a dot.
_UNDERSCORED = {"log.level": "log_level"}


def settings_from_environment(environment: Mapping[str, str]) -> dict[str, Value]:
    """Return librdkafka's settings from the environment, by librdkafka's names. The values stay text."""
    settings: dict[str, Value] = {}
    for name, value in environment.items():
        if name.startswith(PREFIX):
            dotted = name.removeprefix(PREFIX).lower().replace("_", ".")
            settings[_UNDERSCORED.get(dotted, dotted)] = value
    return settings
