"""The service without its proto files: grpcurl, reflection and health."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from tests.e2e.logs import Embedded, LogOfServer
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import new_id

GRPCURL = Path(sys.executable).with_name("grpcurl")
SERVICES = sorted({rpc.method.containing_service.full_name for rpc in RPCS.values()})
COMMANDS, HISTORY = "ordertrail.v1.OrderCommandService", "ordertrail.v1.OrderHistoryService"


@pytest.fixture(scope="module")
def log() -> LogOfServer:
    """The embedded log alone: what these tests check happens before a log is used, or after."""
    return Embedded()


def run(
    address: str, *words: str, data: Any = None, header: str = "x-unheard-of: 1"
) -> "subprocess.CompletedProcess[str]":
    """Run grpcurl with `words` after the address."""
    flags = ["-plaintext", "-H", header, *(["-d", json.dumps(data)] if data is not None else [])]
    command = [str(GRPCURL), *flags, address, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def answers(address: str, rpc: str, data: Any) -> list[Any]:
    """Return the answers of an rpc, each as the JSON that grpcurl prints."""
    result = run(address, rpc, data=data)
    assert result.returncode == 0, result.stderr
    decoder, output, answers_read = json.JSONDecoder(), result.stdout.strip(), []
    while output:
        answer, end = decoder.raw_decode(output)
        answers_read.append(answer)
        output = output[end:].lstrip()
    return answers_read


def build_order_json(customer: str) -> Any:
    price = {"currency_code": "EUR", "units": "5", "nanos": 200_000_000}
    return {"customer_id": customer, "lines": [{"product_id": "p_1", "quantity": "3", "unit_price": price}]}


def test_reflection_lists_and_describes_every_service(shared: RunningServer) -> None:
    services = run(shared.address, "list").stdout.split()
    assert set(services) >= {*SERVICES, "grpc.health.v1.Health"}
    for rpc in RPCS.values():
        service = rpc.method.containing_service.full_name
        assert f"{service}.{rpc.name}" in run(shared.address, "list", service).stdout.split()
        assert f"rpc {rpc.name} (" in run(shared.address, "describe", f"{service}.{rpc.name}").stdout
    assert "string customer_id = 10" in run(shared.address, "describe", "ordertrail.v1.PlaceOrderRequest").stdout


def test_grpcurl_places_reads_and_streams_an_order(shared: RunningServer) -> None:
    customer = new_id("customer")
    [place_answer] = answers(shared.address, f"{COMMANDS}/PlaceOrder", build_order_json(customer))
    receipt = place_answer["receipt"]
    assert receipt["request_id"]
    assert receipt["event"]["order_placed"]["customer_id"] == customer
    request = {"order_id": receipt["order_id"]}
    [confirm_answer] = answers(shared.address, f"{COMMANDS}/ConfirmOrder", request)
    fresh = {"at_least_as_fresh": [confirm_answer["receipt"]["consistency_token"]]}
    [get_answer] = answers(shared.address, f"{HISTORY}/GetOrder", request | fresh)
    assert get_answer["order"]["status"] == "ORDER_STATUS_CONFIRMED"
    assert get_answer["order"]["total_amount"] == {"currency_code": "EUR", "units": "15", "nanos": 600_000_000}
    frames = answers(shared.address, f"{HISTORY}/StreamOrderEvents", request | fresh)
    events = [event for frame in frames for event in frame.get("events", [])]
    assert [(event["order_version"], "order_confirmed" in event) for event in events] == [("1", False), ("2", True)]
    assert frames[-1]["caught_up"]


@pytest.mark.parametrize("name", ["ordertrail-actor", "traceparent"])
@pytest.mark.parametrize("character", ["\n", "\t", "\x1b", "\x85"])
def test_control_character_in_metadata_of_caller_is_refused(shared: RunningServer, name: str, character: str) -> None:
    header = f"{name}: cl{character}erk"
    result = run(shared.address, f"{COMMANDS}/PlaceOrder", data=build_order_json(new_id("customer")), header=header)
    assert result.returncode != 0
    for text in ("Code: InvalidArgument", f"The metadata {name} must have at most 256 characters", "INVALID_REQUEST"):
        assert text in result.stderr


def test_grpcurl_prints_the_details_of_a_refusal(shared: RunningServer) -> None:
    result = run(shared.address, f"{COMMANDS}/ConfirmOrder", data={"order_id": "no-such-order"})
    assert result.returncode != 0
    for text in ("Code: NotFound", "There is no order", "google.rpc.ErrorInfo", '"reason":"ORDER_NOT_FOUND"'):
        assert text in result.stderr.replace('": "', '":"'), result.stderr


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_is_served_as_v1_and_v1alpha(channel: grpc.aio.Channel, version: str) -> None:
    async def request() -> AsyncIterator[ServerReflectionRequest]:
        yield ServerReflectionRequest(list_services="")
        yield ServerReflectionRequest(file_containing_symbol="ordertrail.v1.OrderCommandService")
        yield ServerReflectionRequest(file_containing_symbol="no.such.Symbol")

    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )(request())
    services, answers_read, unknown = [answer async for answer in call]
    assert {service.name for service in services.list_services_response.service} >= set(SERVICES)
    assert answers_read.file_descriptor_response.file_descriptor_proto
    assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_check_and_watch_report_serving(
    shared: RunningServer, channel: grpc.aio.Channel, service: str
) -> None:
    await wait_until_serving(shared.address, service)
    health, request = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest(service=service)
    assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
    watch = health.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_health_check_of_unknown_service_is_not_found(channel: grpc.aio.Channel) -> None:
    health, request = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest(service="no.such.Service")
    with pytest.raises(grpc.aio.AioRpcError) as result:
        await health.Check(request)
    assert result.value.code() is grpc.StatusCode.NOT_FOUND


async def test_queries_succeed_once_health_reports_serving(own_server: RunningServer) -> None:
    for _ in range(3):
        own_server.start()
        await wait_until_serving(own_server.address)
        assert answers(own_server.address, f"{HISTORY}/ListOrders", {}) is not None
        own_server.stop()
