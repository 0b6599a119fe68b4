"""A client can keep an idle connection open by pings, with or without a call on it.

By default a gRPC server answers the third ping with GOAWAY if it comes within five minutes of the one before, or within
two hours if no call is open (github.com/grpc/proposal, A8).
"""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.http2 import relay_to
from tests.e2e.running_server import RunningServer

# A little longer than the interval that the server permits, because pings can be late on a slow machine.
PING_INTERVAL_MS = 5_500
# The first one, three that a default server would refuse, and one by which gRPC measures a connection.
PING_COUNT = 5
BOUND_S = 120.0
PING_OPTIONS = [
    ("grpc.keepalive_time_ms", PING_INTERVAL_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
]


async def keep_open(address: str, with_call: bool) -> tuple[int, list[bytes]]:
    """Keep a connection open by pings. Return the number of connections and the reasons of GOAWAY frames."""
    async with (
        relay_to(address) as (relay, relayed),
        grpc.aio.insecure_channel(relayed, options=PING_OPTIONS) as channel,
    ):
        await channel.channel_ready()
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest()) if with_call else None
        async with asyncio.timeout(BOUND_S):
            await relay.wait_until_answered(PING_COUNT)
        if watch is not None:
            watch.cancel()
        await health.Check(health_pb2.HealthCheckRequest())
        return relay.connections, relay.goaways


@pytest.mark.timeout(2 * BOUND_S)
@pytest.mark.trial
async def test_keepalive_pings_on_idle_connection_are_allowed(server: RunningServer) -> None:
    server.start()
    results = list(await asyncio.gather(keep_open(server.address, True), keep_open(server.address, False)))
    assert results == [(1, []), (1, [])]
