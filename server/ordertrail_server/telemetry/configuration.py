"""Whether and how traces are exported, by the standard variables of OpenTelemetry.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. An empty variable counts as
one that is not set.
"""

from collections.abc import Mapping

SUPPORTED_EXPORTER = "otlp"
GRPC, HTTP = "grpc", "http/protobuf"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_configured(environment: Mapping[str, str]) -> bool:
    """Return whether the variables configure an exporter of traces. Raises ValueError for one that we do not have."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    names = {name.strip() for name in environment.get("OTEL_TRACES_EXPORTER", "").split(",")} - {""}
    if not names:
        return any(environment.get(name, "").strip() for name in _ENDPOINTS)
    if names == {"none"}:
        return False
    if names != {SUPPORTED_EXPORTER}:
        raise ValueError(f"OTEL_TRACES_EXPORTER must be otlp or none, not {', '.join(sorted(names))}")
    return True


def read_protocol(environment: Mapping[str, str]) -> str:
    """Return GRPC or HTTP, the default. Raises ValueError for a protocol that we do not have."""
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = environment.get(name, "").strip()
        if protocol and protocol not in (GRPC, HTTP):
            raise ValueError(f"{name} must be {GRPC} or {HTTP}, not {protocol}")
        if protocol:
            return protocol
    return HTTP


def has_service_name(environment: Mapping[str, str]) -> bool:
    """Return whether the variables name the service."""
    attributes = environment.get("OTEL_RESOURCE_ATTRIBUTES", "").split(",")
    is_attribute = any(attribute.partition("=")[0].strip() == "service.name" for attribute in attributes)
    return is_attribute or bool(environment.get("OTEL_SERVICE_NAME", "").strip())
