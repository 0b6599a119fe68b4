"""grpc.health.v1. The library's own servicer never ends a Watch, so a server could not stop while one is open."""

from asyncio import Event
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

Context = grpc.aio.ServicerContext[Any, Any]


class Health(HealthServicer):  # type: ignore[misc]  # the package has no types
    """The status of each service; the empty name is the whole server."""

    def __init__(self) -> None:
        self._statuses: dict[str, HealthCheckResponse] = {}
        self._changed = Event()
        self._stopping = False

    def set_serving(self, service: str, serving: bool) -> None:
        """Set whether a service answers; no effect after `stop`."""
        if not self._stopping:
            self._set_status(service, serving)

    def stop(self) -> None:
        """Report NOT_SERVING for every service from now on, and end every Watch with that status."""
        self._stopping = True
        for service in list(self._statuses):
            self._set_status(service, False)

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:  # noqa: N802
        """Return the status of a service; an unknown service is NOT_FOUND."""
        if request.service not in self._statuses:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"There is no service {request.service!r} here.")
        return self._statuses[request.service]

    async def List(self, request: HealthListRequest, context: Context) -> HealthListResponse:  # noqa: N802
        """Return the status of every service."""
        return HealthListResponse(statuses=self._statuses)

    async def Watch(self, request: HealthCheckRequest, context: Context) -> AsyncIterator[HealthCheckResponse]:  # noqa: N802
        """Yield the status of a service, which may be unknown, now and after each change until the server stops."""
        unknown = HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        last_status = None
        while True:
            changed, stopping = self._changed, self._stopping
            status = self._statuses.get(request.service, unknown)
            if status != last_status:
                yield status
                last_status = status
            if stopping:
                return
            await changed.wait()

    def _set_status(self, service: str, serving: bool) -> None:
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        self._statuses[service] = HealthCheckResponse(status=status)
        self._changed.set()
        self._changed = Event()
