"""The pages of the admin listener."""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import aclosing, closing
from http.client import HTTPConnection
from pathlib import Path

import grpc
import pytest
from tests.e2e.observed_server import ObservedServer
from tests.e2e.running_server import read_start_refusal, wait_until_serving

from ordertrail.client import connect, line
from ordertrail.errors import OrderTrailError
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest

COMMANDS, HISTORY = "ordertrail.v1.OrderCommandService", "ordertrail.v1.OrderHistoryService"


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedServer]:
    observed = ObservedServer.start(tmp_path_factory.mktemp("admin") / "data")
    yield observed
    assert observed.server.stop() == 0
    assert observed.server.faults == []


async def test_probes_of_a_server_that_serves(observed: ObservedServer) -> None:
    await wait_until_serving(observed.server.address)
    assert observed.page("/livez") == (200, "ok\n")
    assert observed.page("/readyz") == (200, "ok\n")


async def test_connections_are_listed(observed: ObservedServer) -> None:
    async with connect(observed.server.address) as orders:
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
        status, text = await asyncio.to_thread(observed.page, "/channelz")
    sockets = json.loads(text)["socket"]
    ports = [socket["local"].get("tcpipAddress", {}).get("port") for socket in sockets]
    assert status == 200
    assert int(observed.server.address.rpartition(":")[2]) in ports
    assert any(int(socket["data"].get("streamsStarted", 0)) > 0 for socket in sockets)


def test_unknown_page_and_other_methods_are_refused(observed: ObservedServer) -> None:
    assert observed.page("/")[0] == 404
    assert observed.page("/metrics", "POST")[0] == 501


async def test_calls_are_counted_by_their_status(observed: ObservedServer) -> None:
    rpc = {"grpc_type": "unary", "grpc_service": HISTORY, "grpc_method": "GetOrder"}
    async with grpc.aio.insecure_channel(observed.server.address) as channel:
        get = channel.unary_unary(f"/{HISTORY}/GetOrder", GetOrderRequest.SerializeToString, None)
        for order_id in ("missing", ""):
            with pytest.raises(grpc.aio.AioRpcError):
                await get(GetOrderRequest(order_id=order_id))
    await observed.wait_for(1, "grpc_server_handled_total", grpc_code="NotFound", **rpc)
    await observed.wait_for(1, "grpc_server_handled_total", grpc_code="InvalidArgument", **rpc)
    assert observed.value("grpc_server_started_total", **rpc) == 2
    assert observed.value("grpc_server_msg_received_total", **rpc) == 2
    assert observed.value("grpc_server_msg_sent_total", **rpc) == 0
    assert observed.value("grpc_server_handling_seconds_count", **rpc) == 2


async def test_decisions_are_counted_by_outcome_and_reason(observed: ObservedServer) -> None:
    async with connect(observed.server.address) as orders:
        receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")], request_id="first", order_id="counted")
        await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")], request_id="first", order_id="counted")
        with pytest.raises(OrderTrailError, match="version"):
            await orders.confirm(receipt.order_id, expected_version=7)
    await observed.wait_for(1, "ordertrail_decisions_total", outcome="repeated", reason="")
    await observed.wait_for(1, "ordertrail_decisions_total", outcome="refused", reason="VERSION_MISMATCH")
    assert observed.value("ordertrail_decisions_total", outcome="accepted", reason="") >= 1


async def test_log_and_lag_of_projections_are_shown(observed: ObservedServer) -> None:
    async with connect(observed.server.address) as orders:
        receipt = await orders.place("shop-1", [line("p_1", 1, "5.20", "EUR")])
    await observed.wait_for(receipt.position.offset + 1, "ordertrail_log_end_offset", partition="0")
    for projection in ("orders", "history", "product_totals", "timeline"):
        await observed.wait_for(0, "ordertrail_projection_lag_records", projection=projection, partition="0")
        await observed.wait_for(0, "ordertrail_projection_lag_seconds", projection=projection, partition="0")
        assert observed.value("ordertrail_projection_stopped", projection=projection) == 0
    assert observed.value("ordertrail_file_bytes", file="log.sqlite") > 0
    assert observed.value("ordertrail_waiting_commands", partition="0") == 0


async def test_stream_counts_its_messages(observed: ObservedServer) -> None:
    rpc = {"grpc_type": "server_stream", "grpc_service": HISTORY, "grpc_method": "StreamOrderEvents"}
    async with connect(observed.server.address) as orders:
        receipt = await orders.place("shop-stream", [line("p_1", 1, "5.20", "EUR")])
        async with aclosing(orders.stream(order_id=receipt.order_id, follow=True)) as stream:
            assert (await anext(stream)).order_id == receipt.order_id
    await observed.wait_for(1, "grpc_server_handled_total", grpc_code="Canceled", **rpc)
    assert observed.value("grpc_server_msg_received_total", **rpc) == 1
    assert observed.value("grpc_server_msg_sent_total", **rpc) >= 1


def test_frozen_server_answers_nothing_and_thawed_one_lives(observed: ObservedServer) -> None:
    observed.server.signal(signal.SIGSTOP)
    try:
        with closing(HTTPConnection("127.0.0.1", observed.admin_port, timeout=1)) as probe:
            probe.request("GET", "/livez")
            with pytest.raises(TimeoutError):
                probe.getresponse()
    finally:
        observed.server.signal(signal.SIGCONT)
    assert observed.page("/readyz")[0] == 200


def test_address_in_use_is_refused_at_the_start(observed: ObservedServer, tmp_path: Path) -> None:
    environment = {"ORDERTRAIL_ADMIN_LISTEN": f"127.0.0.1:{observed.admin_port}"}
    reason = read_start_refusal(tmp_path / "data", environment=environment)
    assert f"cannot listen on the admin address 127.0.0.1:{observed.admin_port}: Address already in use" in reason
