"""A receiver of OTLP traces: a real server on loopback, for one of the protocols, which keeps all spans."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import grpc
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

WAIT_SECONDS = 60.0


class ReceivedSpan(NamedTuple):
    """A span as it arrived, and the attributes of the process that it comes from."""

    span: Span
    resource: dict[str, str | int]

    @property
    def name(self) -> str:
        return str(self.span.name)

    @property
    def trace_id(self) -> str:
        return bytes(self.span.trace_id).hex()

    @property
    def span_id(self) -> str:
        return bytes(self.span.span_id).hex()

    @property
    def parent_id(self) -> str:
        return bytes(self.span.parent_span_id).hex()

    @property
    def kind(self) -> str:
        return Span.SpanKind.Name(self.span.kind).removeprefix("SPAN_KIND_")

    @property
    def has_failed(self) -> bool:
        return bool(self.span.status.code == Status.STATUS_CODE_ERROR)

    @property
    def attributes(self) -> dict[str, str | int]:
        return _read_attributes(self.span.attributes)

    def is_named_by(self, traceparent: str) -> bool:
        """Return whether a W3C header names this span. Exported spans have no flags."""
        return traceparent.split("-")[1:3] == [self.trace_id, self.span_id]


class OtlpReceiver:
    """Keeps all spans. `environment` configures a server to export to it."""

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.environment: dict[str, str] = {}
        self._arrived = asyncio.Condition()

    async def wait_for(self, *names: str, where: Callable[[ReceivedSpan], bool] = lambda _: True) -> list[ReceivedSpan]:
        """Wait for one span of each name for which the condition holds, and return them."""
        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: all(self._select(name, where) for name in names))
        return [self._select(name, where)[0] for name in names]

    async def keep(self, request: ExportTraceServiceRequest) -> None:
        """Keep the spans of a request."""
        async with self._arrived:
            for resource_spans in request.resource_spans:
                resource = _read_attributes(resource_spans.resource.attributes)
                for scope_spans in resource_spans.scope_spans:
                    self.spans += [ReceivedSpan(span, resource) for span in scope_spans.spans]
            self._arrived.notify_all()

    def _select(self, name: str, where: Callable[[ReceivedSpan], bool]) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name == name and where(span)]


@asynccontextmanager
async def run_http_receiver() -> AsyncIterator[OtlpReceiver]:
    """Run a receiver of http/protobuf on a free port."""
    receiver = OtlpReceiver()

    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.path == "/v1/traces"
        await receiver.keep(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.environment = _environment(runner.addresses[0][1], "http/protobuf")
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def run_grpc_receiver() -> AsyncIterator[OtlpReceiver]:
    """Run a receiver of gRPC on a free port."""
    receiver = OtlpReceiver()

    class Servicer(TraceServiceServicer):
        async def Export(self, request: ExportTraceServiceRequest, _: Any) -> ExportTraceServiceResponse:  # noqa: N802
            await receiver.keep(request)
            return ExportTraceServiceResponse()

    server = grpc.aio.server()
    add_TraceServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]  # generated without types
    receiver.environment = _environment(server.add_insecure_port("127.0.0.1:0"), "grpc")
    await server.start()
    try:
        yield receiver
    finally:
        await server.stop(0)


def _environment(port: int, protocol: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


def _read_attributes(attributes: Any) -> dict[str, str | int]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value") or "") for item in attributes}
