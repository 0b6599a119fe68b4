"""A client that pings a silent connection to keep it open is not sent away, with a call on it or without.

gRPC servers answer too many pings with GOAWAY unless they permit them: by default the third one that comes within five
minutes of the one before, or within two hours where no call is open (github.com/grpc/proposal, A8).
"""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.http2 import relay_to
from tests.e2e.running_server import RunningServer

# As often as the server permits, and a little less often, for a machine on which one ping is late.
EVERY_MS = 5_500
# The first one, three that come too early for a server that permits none, and one by which gRPC measures a connection.
ENOUGH = 5
BOUND_S = 120.0
PINGING = [
    ("grpc.keepalive_time_ms", EVERY_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
]


async def keep_open(address: str, with_call: bool) -> tuple[int, list[bytes]]:
    """Keep a connection open by pings; return how many it took, and why the server sent the client away."""
    async with relay_to(address) as (relay, relayed), grpc.aio.insecure_channel(relayed, options=PINGING) as channel:
        await channel.channel_ready()
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest()) if with_call else None
        async with asyncio.timeout(BOUND_S):
            await relay.until_answered(ENOUGH)
        if watch is not None:
            watch.cancel()
        await health.Check(health_pb2.HealthCheckRequest())
        return relay.connections, relay.goaways


@pytest.mark.timeout(2 * BOUND_S)
async def test_client_that_pings_a_silent_connection_is_not_sent_away(server: RunningServer) -> None:
    server.start()
    kept = list(await asyncio.gather(keep_open(server.address, True), keep_open(server.address, False)))
    assert kept == [(1, []), (1, [])]
