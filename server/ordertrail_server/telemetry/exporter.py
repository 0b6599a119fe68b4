"""Builds the traces of a process from the variables of OpenTelemetry. Import it only where traces are on."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter

from ordertrail_server.telemetry.configuration import GRPC, has_service_name, read_protocol
from ordertrail_server.telemetry.export_log import shorten_export_log
from ordertrail_server.telemetry.tracing import Tracing

SERVICE_NAME = "ordertrail"


def open_tracing(environment: Mapping[str, str]) -> Tracing:
    """Return the traces that the variables configure. Raises ModuleNotFoundError, ValueError, and more."""
    # Each exporter loads a client of its own, so only one of them is imported.
    transport = "grpc" if read_protocol(environment) == GRPC else "http"
    module = import_module(f"opentelemetry.exporter.otlp.proto.{transport}.trace_exporter")
    shorten_export_log()
    exporter: SpanExporter = module.OTLPSpanExporter()
    name = {} if has_service_name(environment) else {"service.name": SERVICE_NAME}
    return Tracing(exporter, Resource.create({"service.version": version("ordertrail"), **name}))
