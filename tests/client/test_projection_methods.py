from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tests.client.stub_server import AWAY, StubServer

from ordertrail.client import OrderTrail
from ordertrail.errors import Refused
from ordertrail.projection_methods import COMPARE_SECONDS
from ordertrail.v1.projection_audit_pb2 import (
    AuditFinding,
    AuditProjectionsRequest,
    AuditProjectionsResponse,
    AuditReport,
)
from ordertrail.v1.projection_service_pb2 import (
    CompareGenerationRequest,
    CompareGenerationResponse,
    DropGenerationRequest,
    DropGenerationResponse,
    Generation,
    ListProjectionsRequest,
    ListProjectionsResponse,
    Projection,
    PromoteGenerationRequest,
    PromoteGenerationResponse,
    RebuildProjectionRequest,
    RebuildProjectionResponse,
    ResumeProjectionRequest,
    ResumeProjectionResponse,
)

GENERATION = Generation(number=2)
COMPARISON = CompareGenerationResponse(consistency_token="t")


@pytest.mark.parametrize(
    ("call", "expected_request", "answer", "result"),
    [
        (
            lambda client: client.projections(),
            ListProjectionsRequest(),
            ListProjectionsResponse(projections=[Projection(name="orders")]),
            [Projection(name="orders")],
        ),
        (
            lambda client: client.rebuild_projection("orders"),
            RebuildProjectionRequest(name="orders"),
            RebuildProjectionResponse(generation=GENERATION),
            GENERATION,
        ),
        (
            lambda client: client.compare_generation("orders", 2),
            CompareGenerationRequest(name="orders", number=2),
            COMPARISON,
            COMPARISON,
        ),
        (
            lambda client: client.promote_generation("orders", 2),
            PromoteGenerationRequest(name="orders", number=2),
            PromoteGenerationResponse(generation=GENERATION),
            GENERATION,
        ),
        (
            lambda client: client.drop_generation("orders", 2, definition="0a1b2c3d4e5f"),
            DropGenerationRequest(name="orders", number=2, definition="0a1b2c3d4e5f"),
            DropGenerationResponse(),
            None,
        ),
        (
            lambda client: client.resume_projection("sales"),
            ResumeProjectionRequest(name="sales"),
            ResumeProjectionResponse(),
            None,
        ),
    ],
)
async def test_call_is_retried_while_the_server_is_unavailable(
    client: OrderTrail,
    stub_server: StubServer,
    call: Callable[[OrderTrail], Awaitable[Any]],
    expected_request: Message,
    answer: Message,
    result: object,
) -> None:
    stub_server.pages.append(answer)
    stub_server.failures.append(AWAY)
    assert await call(client) == result
    assert stub_server.requests == [expected_request] * 2


async def test_comparison_has_a_long_deadline(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages.append(COMPARISON)
    await client.compare_generation("orders", 2)
    # gRPC rounds a long timeout up, to one of three significant digits.
    assert COMPARE_SECONDS / 2 < stub_server.deadlines[-1] <= 1.01 * COMPARE_SECONDS


async def test_audit_yields_its_messages_without_a_deadline(client: OrderTrail, stub_server: StubServer) -> None:
    finding = AuditProjectionsResponse(finding=AuditFinding(table="links"))
    report = AuditProjectionsResponse(report=AuditReport(finding_count=1))
    stub_server.pages += [finding, report]
    assert [message async for message in client.audit_projections(["orders"])] == [finding, report]
    assert stub_server.requests == [AuditProjectionsRequest(names=["orders"])]
    assert stub_server.deadlines == [None]


async def test_refused_audit_raises_a_typed_error(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.FAILED_PRECONDITION, "another audit"))
    with pytest.raises(Refused, match="another audit"):
        await anext(client.audit_projections())
