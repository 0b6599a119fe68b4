"""The connection to the server that serves the subscriptions, when something is wrong with it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.process_freeze import freeze_process

from ordertrail.v1.subscription_service_pb2 import ListSubscriptionsRequest
from ordertrail.v1.subscription_service_pb2_grpc import SubscriptionServiceStub
from ordertrail_server.edge import leader_channel
from ordertrail_server.edge.leader_channel import LeaderChannel
from ordertrail_server.edge.tls.certificate_files import CertificateFiles


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with closing(RunningServer(tmp_path / "data")) as server:
        yield server.start()


async def test_unreadable_certificates_are_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader_channel, "BUSY_SECONDS", 0.0)
    missing, repeated = tmp_path / "missing.pem", asyncio.Event()
    addresses = ["127.0.0.1:1"] * 5

    async def find_address() -> str:
        leader.doubt()
        if len(addresses) == 1:
            repeated.set()
            return addresses[0]
        return addresses.pop()

    leader = LeaderChannel(find_address, "127.0.0.1:2", CertificateFiles(missing, missing, None), lambda: None)
    watching = asyncio.create_task(leader.watch())
    await repeated.wait()
    watching.cancel()
    await asyncio.wait({watching})
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("calls about subscriptions are not forwarded: ")


@pytest.mark.trial
async def test_call_at_a_frozen_server_ends_although_it_has_no_deadline(server: RunningServer) -> None:
    await wait_until_serving(server.address)
    async with grpc.aio.insecure_channel(server.address, options=leader_channel.OPTIONS) as channel:
        stub = SubscriptionServiceStub(channel)
        await stub.ListSubscriptions(ListSubscriptionsRequest())
        freeze_process(server.pid)
        begin = time.monotonic()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stub.ListSubscriptions(ListSubscriptionsRequest())
        assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - begin < 20.0
