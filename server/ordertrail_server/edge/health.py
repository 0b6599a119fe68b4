"""grpc.health.v1. The library's own servicer never ends a Watch, so a server could not stop while one is open."""

from asyncio import Event
from collections.abc import AsyncIterator
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer

Context = grpc.aio.ServicerContext[Any, Any]


class Health(HealthServicer):  # type: ignore[misc]  # the package has no types
    """Which services answer; the empty name stands for the server as a whole."""

    def __init__(self) -> None:
        self._statuses: dict[str, HealthCheckResponse] = {}
        self._changed = Event()
        self._stopping = False

    def set_serving(self, service: str, serving: bool) -> None:
        """Note whether a service answers; after `stop` none does any more."""
        if not self._stopping:
            self._note(service, serving)

    def stop(self) -> None:
        """Report NOT_SERVING for every service from now on, and end every Watch with that."""
        self._stopping = True
        for service in list(self._statuses):
            self._note(service, False)

    async def Check(self, request: HealthCheckRequest, context: Context) -> HealthCheckResponse:  # noqa: N802
        """Return the status of a service; one that is not known is NOT_FOUND."""
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

    def _note(self, service: str, serving: bool) -> None:
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        self._statuses[service] = HealthCheckResponse(status=status)
        self._changed.set()
        self._changed = Event()
