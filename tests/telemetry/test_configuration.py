"""Which variables of OpenTelemetry switch traces on, and how spans are exported."""

from collections.abc import Mapping

import pytest

from ordertrail_server.telemetry.configuration import GRPC, HTTP, has_service_name, is_configured, read_protocol

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
TRACES_ENDPOINT = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}
EXPORTER = {"OTEL_TRACES_EXPORTER": "otlp"}
NO_EXPORTER = {"OTEL_TRACES_EXPORTER": "none"}


@pytest.mark.parametrize(
    "environment",
    [
        ENDPOINT,
        TRACES_ENDPOINT,
        EXPORTER,
        ENDPOINT | {"OTEL_TRACES_EXPORTER": ""},
        {"OTEL_SDK_DISABLED": "1"} | ENDPOINT,
    ],
)
def test_traces_are_on_if_an_exporter_is_configured(environment: Mapping[str, str]) -> None:
    assert is_configured(environment)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_SERVICE_NAME": "shop"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector:4318"},
        ENDPOINT | NO_EXPORTER,
        EXPORTER | {"OTEL_SDK_DISABLED": "True"},
    ],
)
def test_traces_are_off_without_an_exporter_or_if_switched_off(environment: Mapping[str, str]) -> None:
    assert not is_configured(environment)


@pytest.mark.parametrize("name", ["zipkin", "console", "otlp,console"])
def test_exporter_that_we_do_not_have_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=name.split(",")[0]):
        is_configured({"OTEL_TRACES_EXPORTER": name})


def test_protocol_of_traces_wins_over_that_of_all_signals() -> None:
    assert read_protocol({}) == HTTP
    assert read_protocol({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}) == GRPC
    both = {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert read_protocol(both) == HTTP
    with pytest.raises(ValueError, match="must be grpc or http/protobuf, not http/json"):
        read_protocol({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})


def test_service_name_may_be_an_attribute_of_the_resource() -> None:
    assert has_service_name({"OTEL_SERVICE_NAME": "shop"})
    assert has_service_name({"OTEL_RESOURCE_ATTRIBUTES": "region=eu, service.name=shop"})
    assert not has_service_name({"OTEL_RESOURCE_ATTRIBUTES": "service.name.space=shop"})
