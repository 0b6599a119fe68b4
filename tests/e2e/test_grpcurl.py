"""The service as one meets it without its proto files: grpcurl, reflection and health."""

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
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import new_id

GRPCURL = Path(sys.executable).with_name("grpcurl")
SERVICES = sorted({rpc.method.containing_service.full_name for rpc in RPCS.values()})
COMMANDS, HISTORY = "ordertrail.v1.OrderCommandService", "ordertrail.v1.OrderHistoryService"


def run(
    address: str, *words: str, data: Any = None, header: str = "x-unheard-of: 1"
) -> "subprocess.CompletedProcess[str]":
    """Run grpcurl; `words` come behind the address."""
    flags = ["-plaintext", "-H", header, *(["-d", json.dumps(data)] if data is not None else [])]
    command = [str(GRPCURL), *flags, address, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def answers(address: str, rpc: str, data: Any) -> list[Any]:
    """Return what an rpc answers, each message as the JSON that grpcurl prints."""
    done = run(address, rpc, data=data)
    assert done.returncode == 0, done.stderr
    decoder, rest, found = json.JSONDecoder(), done.stdout.strip(), []
    while rest:
        answer, end = decoder.raw_decode(rest)
        found.append(answer)
        rest = rest[end:].lstrip()
    return found


def order(customer: str) -> Any:
    price = {"currency_code": "EUR", "units": "5", "nanos": 200_000_000}
    return {"customer_id": customer, "lines": [{"product_id": "p_1", "quantity": "3", "unit_price": price}]}


def test_every_service_is_listed_and_described(shared: RunningServer) -> None:
    listed = run(shared.address, "list").stdout.split()
    assert set(listed) >= {*SERVICES, "grpc.health.v1.Health"}
    for rpc in RPCS.values():
        service = rpc.method.containing_service.full_name
        assert f"{service}.{rpc.name}" in run(shared.address, "list", service).stdout.split()
        assert f"rpc {rpc.name} (" in run(shared.address, "describe", f"{service}.{rpc.name}").stdout
    assert "string customer_id = 10" in run(shared.address, "describe", "ordertrail.v1.PlaceOrderRequest").stdout


def test_an_order_is_placed_read_and_streamed_as_json(shared: RunningServer) -> None:
    customer = new_id("customer")
    [placed] = answers(shared.address, f"{COMMANDS}/PlaceOrder", order(customer))
    receipt = placed["receipt"]
    assert receipt["request_id"]
    assert receipt["event"]["order_placed"]["customer_id"] == customer
    asked = {"order_id": receipt["order_id"]}
    [confirmed] = answers(shared.address, f"{COMMANDS}/ConfirmOrder", asked)
    fresh = {"at_least_as_fresh": [confirmed["receipt"]["consistency_token"]]}
    [read] = answers(shared.address, f"{HISTORY}/GetOrder", asked | fresh)
    assert read["order"]["status"] == "ORDER_STATUS_CONFIRMED"
    assert read["order"]["total_amount"] == {"currency_code": "EUR", "units": "15", "nanos": 600_000_000}
    frames = answers(shared.address, f"{HISTORY}/StreamOrderEvents", asked | fresh)
    events = [event for frame in frames for event in frame.get("events", [])]
    assert [(event["order_version"], "order_confirmed" in event) for event in events] == [("1", False), ("2", True)]
    assert frames[-1]["caught_up"]


@pytest.mark.parametrize("name", ["ordertrail-actor", "traceparent"])
@pytest.mark.parametrize("control", ["\n", "\t", "\x1b", "\x85"])
def test_control_characters_in_what_is_remembered_of_a_caller_are_refused(
    shared: RunningServer, name: str, control: str
) -> None:
    header = f"{name}: cl{control}erk"
    refused = run(shared.address, f"{COMMANDS}/PlaceOrder", data=order(new_id("customer")), header=header)
    assert refused.returncode != 0
    for told in ("Code: InvalidArgument", f"The metadata {name} must have at most 256 characters", "INVALID_REQUEST"):
        assert told in refused.stderr


def test_a_refusal_shows_its_details(shared: RunningServer) -> None:
    refused = run(shared.address, f"{COMMANDS}/ConfirmOrder", data={"order_id": "no-such-order"})
    assert refused.returncode != 0
    for told in ("Code: NotFound", "There is no order", "google.rpc.ErrorInfo", '"reason":"ORDER_NOT_FOUND"'):
        assert told in refused.stderr.replace('": "', '":"'), refused.stderr


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_answers_under_both_names(channel: grpc.aio.Channel, version: str) -> None:
    async def asked() -> AsyncIterator[ServerReflectionRequest]:
        yield ServerReflectionRequest(list_services="")
        yield ServerReflectionRequest(file_containing_symbol="ordertrail.v1.OrderCommandService")
        yield ServerReflectionRequest(file_containing_symbol="no.such.Symbol")

    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )(asked())
    listed, found, unknown = [answer async for answer in call]
    assert {service.name for service in listed.list_services_response.service} >= set(SERVICES)
    assert found.file_descriptor_response.file_descriptor_proto
    assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_health_is_told_once_and_watched(shared: RunningServer, channel: grpc.aio.Channel, service: str) -> None:
    await until_serving(shared.address, service)
    health, asked = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest(service=service)
    assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.SERVING
    watch = health.Watch(asked)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_the_health_of_a_service_that_there_is_not_is_unknown(channel: grpc.aio.Channel) -> None:
    health, asked = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest(service="no.such.Service")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await health.Check(asked)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reads_are_said_to_be_served_only_when_they_are(own_server: RunningServer) -> None:
    for _ in range(3):
        own_server.start()
        await until_serving(own_server.address)
        assert answers(own_server.address, f"{HISTORY}/ListOrders", {}) is not None
        own_server.stop()
