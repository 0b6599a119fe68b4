"""grpc.health.v1. The library's own servicer never ends a Watch, so a server could not stop while one is open."""

from asyncio import Event
from collections.abc import AsyncGenerator

import grpc
from grpc_health.v1.health import SERVICE_NAME
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse

from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.gate import Context, Gate, Permit, RpcGate
from ordertrail_server.edge.rpc_handler import Handler, stream_handler, unary_handler

# Separate from other requests, so that an overloaded server still reports that it serves.
REQUEST_BYTES = 1024 * 1024
# A longer name is cut in errors, because a status travels in headers, which have bounds.
SHOWN_NAME = 100


class Health:
    """The status of each service; the empty name is the whole server."""

    def __init__(self) -> None:
        self._admission = RequestAdmission(REQUEST_BYTES)
        self._statuses: dict[str, HealthCheckResponse] = {}
        self._changed = Event()
        self._stopping = False

    def set_serving(self, service: str, serving: bool) -> None:
        """Set whether a service answers; no effect after `stop`."""
        if not self._stopping:
            self._set_status(service, serving)

    def is_serving(self, service: str) -> bool:
        """Return whether a service answers."""
        status = self._statuses.get(service)
        return status is not None and status.status == HealthCheckResponse.SERVING

    def stop(self) -> None:
        """Report NOT_SERVING for every service from now on, and end every Watch with that status."""
        self._stopping = True
        for service in list(self._statuses):
            self._set_status(service, False)

    def handlers(self, gate: Gate) -> dict[str, Handler]:
        """Return the handler of each rpc of the service."""

        def rpc(name: str) -> RpcGate:
            return gate.rpc(SERVICE_NAME, name)

        return {
            "Check": unary_handler(rpc("Check"), HealthCheckRequest, self._admission, self._check),
            "List": unary_handler(rpc("List"), HealthListRequest, self._admission, self._list),
            "Watch": stream_handler(rpc("Watch"), HealthCheckRequest, self._watch),
        }

    async def _check(self, request: HealthCheckRequest, context: Context, _: Permit) -> bytes:
        """Return the status of a service; an unknown service is NOT_FOUND."""
        if request.service not in self._statuses:
            name = request.service[:SHOWN_NAME]
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"This server has no service {name!r}.",
            )
        return _serialize(self._statuses[request.service])

    async def _list(self, request: HealthListRequest, context: Context, _: Permit) -> bytes:
        """Return the status of every service."""
        return _serialize(HealthListResponse(statuses=self._statuses))

    async def _watch(self, request: HealthCheckRequest, context: Context, _: Permit) -> AsyncGenerator[bytes, None]:
        """Yield the status of a service, which may be unknown, now and after each change until the server stops."""
        unknown = HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        last_status = None
        while True:
            changed, stopping = self._changed, self._stopping
            status = self._statuses.get(request.service, unknown)
            if status != last_status:
                yield _serialize(status)
                last_status = status
            if stopping:
                return
            await changed.wait()

    def _set_status(self, service: str, serving: bool) -> None:
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        self._statuses[service] = HealthCheckResponse(status=status)
        self._changed.set()
        self._changed = Event()


def _serialize(response: HealthCheckResponse | HealthListResponse) -> bytes:
    serialized: bytes = response.SerializeToString()
    return serialized
