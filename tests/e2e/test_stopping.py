"""A server ends at a signal, with its projector."""

import asyncio
import os
import signal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tests.e2e.process_status import wait_for_child, wait_until_python_runs
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.projections.processes import wait_gone


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopping_server_reports_not_serving_and_exits_with_0(
    server: RunningServer, number: signal.Signals
) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with grpc.aio.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        server.signal(number)
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watch.cancel()
    assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


async def test_ctrl_c_while_server_starts_ends_it_without_warning(server: RunningServer) -> None:
    server.spawn(process_group=0)
    await wait_until_python_runs(await wait_for_child(server.pid))
    os.killpg(server.pid, signal.SIGINT)
    assert await asyncio.to_thread(server.wait) == 0
    assert "Traceback" not in server.stderr
    assert "WARNING" not in server.stderr


@pytest.mark.parametrize("starting", [True, False], ids=["starting", "running"])
async def test_projector_ends_when_its_server_is_killed(server: RunningServer, starting: bool) -> None:
    server.spawn()
    projector = await wait_for_child(server.pid)
    if not starting:
        await asyncio.to_thread(server.wait_until_listening)
        await wait_until_serving(server.address)
    server.kill()
    await wait_gone(projector)
