"""The client methods for operators of projections: list, rebuild, compare, audit, promote and drop generations."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, Iterable, Sequence

import grpc

from ordertrail.errors import from_rpc_error
from ordertrail.inspection_methods import InspectionMethods
from ordertrail.v1.projection_audit_pb2 import AuditProjectionsRequest, AuditProjectionsResponse
from ordertrail.v1.projection_service_pb2 import (
    CompareGenerationRequest,
    CompareGenerationResponse,
    DropGenerationRequest,
    Generation,
    ListProjectionsRequest,
    Projection,
    PromoteGenerationRequest,
    RebuildProjectionRequest,
    ResumeProjectionRequest,
)

__all__ = ["COMPARE_SECONDS", "ProjectionMethods"]

COMPARE_SECONDS = 3_600.0
"""The default deadline of a comparison, which reads both generations as a whole."""


class ProjectionMethods(InspectionMethods):
    """The methods that operate a server's projections. `timeout` is per call, in seconds.

    A generation is one file of a projection. Those of the server's release are named by their numbers.
    """

    async def projections(self, *, timeout: float | None = None) -> Sequence[Projection]:
        """Return the projections with their generations, sorted by name."""
        response = await self._call(self.projection.ListProjections, ListProjectionsRequest(), timeout)
        return response.projections

    async def rebuild_projection(self, name: str, *, timeout: float | None = None) -> Generation:
        """Begin to build a new generation beside the live one, and return it; return one that is being built already.

        Raises NotFound if there is no such projection.
        """
        response = await self._call(self.projection.RebuildProjection, RebuildProjectionRequest(name=name), timeout)
        return response.generation

    async def compare_generation(
        self, name: str, number: int, *, timeout: float | None = COMPARE_SECONDS
    ) -> CompareGenerationResponse:
        """Compare a generation with the live one, row by row as of one position of the log.

        Raises NotFound, and Refused while the generation is not ready.
        """
        request = CompareGenerationRequest(name=name, number=number)
        return await self._call(self.projection.CompareGeneration, request, timeout)

    async def audit_projections(
        self, names: Iterable[str] = (), *, timeout: float | None = None
    ) -> AsyncGenerator[AuditProjectionsResponse, None]:
        """Fold the log afresh and compare live generations with the result, all without `names`. Yields the messages.

        The last message is the report. Without `timeout` there is no deadline. If you close the generator, the audit
        ends. Raises NotFound, and Refused while another audit of the server runs.
        """
        call = self.projection.AuditProjections(AuditProjectionsRequest(names=names), timeout=timeout)
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        finally:
            call.cancel()

    async def promote_generation(self, name: str, number: int, *, timeout: float | None = None) -> Generation:
        """Make a generation the live one, and return it. The one before it is kept.

        Raises NotFound, and Refused while the generation is being brought up to date.
        """
        request = PromoteGenerationRequest(name=name, number=number)
        response = await self._call(self.projection.PromoteGeneration, request, timeout)
        return response.generation

    async def drop_generation(
        self, name: str, number: int, *, definition: str = "", timeout: float | None = None
    ) -> None:
        """Remove a generation that is not live, or stop its build. `definition` names one of another release.

        Raises NotFound, and Refused if the generation is live.
        """
        request = DropGenerationRequest(name=name, number=number, definition=definition)
        await self._call(self.projection.DropGeneration, request, timeout)

    async def resume_projection(self, name: str, *, timeout: float | None = None) -> None:
        """Start a projection again that has stopped. Raises NotFound."""
        await self._call(self.projection.ResumeProjection, ResumeProjectionRequest(name=name), timeout)
