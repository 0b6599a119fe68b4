"""A stream of requests is refused after its first request: before it, gRPC's Python client reports INTERNAL."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from tests.e2e.refusals import catch_refusal

from ordertrail_server.edge import rpc_handler
from ordertrail_server.edge.admission import RequestAdmission
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.gate import Gate
from ordertrail_server.edge.refused_service import SUBSCRIPTIONS_OFF, refusing_handlers
from ordertrail_server.edge.rpc_handler import Handler
from ordertrail_server.edge.service_descriptors import SUBSCRIPTIONS
from ordertrail_server.edge.subscription_router import SubscriptionRouter

CONSUME = f"/{SUBSCRIPTIONS.full_name}/Consume"


def refuse_all() -> dict[str, Handler]:
    return refusing_handlers(Gate(), SUBSCRIPTIONS, SUBSCRIPTIONS_OFF)


def route_nothing() -> dict[str, Handler]:
    router = SubscriptionRouter(Gate(), Draining(), RequestAdmission(1 << 20), lambda: None)
    router.refusal = SUBSCRIPTIONS_OFF
    return router.handlers()


@pytest.mark.parametrize("create_handlers", [refuse_all, route_nothing])
async def test_refusal_waits_for_the_first_request(
    create_handlers: Callable[[], dict[str, Handler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc_handler, "FIRST_REQUEST_S", 60.0)
    server, is_due = grpc.aio.server(), asyncio.Event()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SUBSCRIPTIONS.full_name, create_handlers()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def requests() -> AsyncIterator[bytes]:
        await is_due.wait()
        yield b""

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        reading = asyncio.ensure_future(channel.stream_stream(CONSUME, None, None)(requests()).read())
        assert (await asyncio.wait({reading}, timeout=0.3))[0] == set()
        is_due.set()
        assert (await catch_refusal(reading)).reason == "SUBSCRIPTIONS_OFF"
    await server.stop(0)
