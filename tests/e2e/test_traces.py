"""Traces of a server in a process of its own, with a real receiver of OTLP."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.telemetry.otlp_receiver import OtlpReceiver, run_http_receiver
from tests.webhooks.receiver import run_receiver

from ordertrail.client import OrderTrail, connect, line
from ordertrail.errors import NotFound
from ordertrail.v1.commands_pb2 import PlaceOrderRequest

SERVICE = "ordertrail.v1.OrderCommandService"
LOOPBACK = {"ORDERTRAIL_WEBHOOK_ALLOW": "127.0.0.0/8"}
LINES = [line("p_1", 3, "5.20", "EUR")]
PLACE = PlaceOrderRequest(customer_id="shop-1", lines=LINES)
CALLER_ID = "b7ad6b7169203331"

# The receiver and its server are those of all tests, so they share an event loop.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def otlp() -> AsyncIterator[OtlpReceiver]:
    async with run_http_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def orders(otlp: OtlpReceiver, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OrderTrail]:
    """A client of a server that exports to `otlp`."""
    data = tmp_path_factory.mktemp("traces") / "data"
    with closing(RunningServer(data, LOOPBACK | otlp.environment)) as server:
        await asyncio.to_thread(server.start)
        await wait_until_serving(server.address)
        async with connect(server.address) as client:
            yield client
        assert await asyncio.to_thread(server.stop) == 0
        assert server.faults == []


@pytest.fixture
def trace_id(orders: OrderTrail) -> Iterator[str]:
    """A trace of the caller, which all calls of the test belong to."""
    trace_id = uuid4().hex
    orders.metadata = (("traceparent", f"00-{trace_id}-{CALLER_ID}-01"),)
    yield trace_id
    orders.metadata = ()


async def test_trace_of_the_caller_reaches_the_receiver_of_a_webhook(
    orders: OrderTrail, otlp: OtlpReceiver, trace_id: str
) -> None:
    async with run_receiver() as receiver:
        await orders.create_webhook("shop", f"http://127.0.0.1:{receiver.port}/secret?key=1")
        receipt = await orders.place("shop-1", LINES)
        [post] = await receiver.wait_for(1)
    await orders.delete_subscription("shop")
    topic = receipt.position.topic
    names = (f"{SERVICE}/PlaceOrder", "decide", f"append {topic}", f"project {topic}", "POST")
    call, *steps = await otlp.wait_for(*names, where=lambda span: span.trace_id == trace_id)
    assert call.parent_id == CALLER_ID
    assert {step.parent_id for step in steps} == {call.span_id}
    assert [span.kind for span in (call, *steps)] == ["SERVER", "INTERNAL", "PRODUCER", "CONSUMER", "CLIENT"]
    assert not any(span.has_failed for span in (call, *steps))
    assert steps[-1].is_named_by(post.headers["traceparent"])
    [event] = [event async for event in orders.list_events(order_id=receipt.order_id)]
    assert json.loads(post.body)["traceparent"] == event.traceparent
    assert call.is_named_by(event.traceparent)
    assert {span.resource["service.name"] for span in otlp.spans} == {"ordertrail"}
    texts = str([(span.name, span.attributes, span.span.status) for span in otlp.spans])
    assert not any(secret in texts for secret in ("shop-1", "p_1", "secret", "key=1"))


async def test_call_without_a_trace_begins_one(orders: OrderTrail, otlp: OtlpReceiver) -> None:
    traceparent = (await orders.place("shop-1", LINES)).event.traceparent
    [call] = await otlp.wait_for(f"{SERVICE}/PlaceOrder", where=lambda span: span.is_named_by(traceparent))
    assert call.parent_id == ""


async def test_trace_that_the_caller_does_not_record_is_not_exported(
    orders: OrderTrail, otlp: OtlpReceiver, trace_id: str
) -> None:
    traceparent = f"00-{trace_id}-{CALLER_ID}-00"
    orders.metadata = (("traceparent", traceparent),)
    async with run_receiver() as receiver:
        await orders.create_webhook("unrecorded", f"http://127.0.0.1:{receiver.port}/", now=True)
        receipt = await orders.place("shop-1", LINES)
        [post] = await receiver.wait_for(1)
    await orders.delete_subscription("unrecorded")
    assert receipt.event.traceparent == post.headers["traceparent"] == traceparent
    orders.metadata = ()
    last = (await orders.place("shop-1", LINES)).order_id
    name = f"project {receipt.position.topic}"
    await otlp.wait_for(name, where=lambda span: span.attributes["ordertrail.order_id"] == last)
    assert [span for span in otlp.spans if span.trace_id == trace_id] == []


async def test_refusal_is_in_the_spans_of_the_call_and_of_its_decision(
    orders: OrderTrail, otlp: OtlpReceiver, trace_id: str
) -> None:
    with pytest.raises(NotFound):
        await orders.confirm("none")
    names = f"{SERVICE}/ConfirmOrder", "decide"
    call, decide = await otlp.wait_for(*names, where=lambda span: span.trace_id == trace_id)
    assert call.attributes["rpc.response.status_code"] == "NOT_FOUND"
    assert call.attributes["error.type"] == decide.attributes["error.type"] == "ORDER_NOT_FOUND"
    assert (call.has_failed, decide.has_failed) == (False, False)  # the server did what it should


async def test_header_that_is_no_trace_has_no_effect(orders: OrderTrail, trace_id: str) -> None:
    for header in ("no trace at all", "a" * 1_000):
        orders.metadata = (("traceparent", header),)
        assert (await orders.place("shop-1", LINES)).event.traceparent.startswith("00-")


async def test_batch_has_few_spans_however_many_commands_it_has(
    orders: OrderTrail, otlp: OtlpReceiver, trace_id: str
) -> None:
    results = [result async for result in orders.execute([PLACE] * 500, batch_size=500)]
    assert len(results) == 500
    last = (await orders.place("shop-1", LINES)).order_id
    await otlp.wait_for(f"{SERVICE}/ExecuteCommands", where=lambda span: span.trace_id == trace_id)
    await otlp.wait_for("decide", where=lambda span: span.attributes.get("ordertrail.order_id") == last)
    assert len([span for span in otlp.spans if span.trace_id == trace_id]) < 100


async def test_decision_of_a_submitted_command_is_a_trace_linked_to_the_submission(
    orders: OrderTrail, otlp: OtlpReceiver, trace_id: str
) -> None:
    await orders.submit(PLACE)
    [call] = await otlp.wait_for(f"{SERVICE}/SubmitCommand", where=lambda span: span.trace_id == trace_id)
    [process] = await otlp.wait_for("process command")
    [link] = process.span.links
    assert (bytes(link.trace_id).hex(), bytes(link.span_id).hex()) == (trace_id, call.span_id)
    assert (process.parent_id, process.trace_id == trace_id) == ("", False)
    await otlp.wait_for("decide", where=lambda span: span.parent_id == process.span_id)


async def test_stop_exports_what_is_left(tmp_path: Path) -> None:
    async with run_http_receiver() as receiver:
        settings = {"OTEL_BSP_SCHEDULE_DELAY": "3600000", "ORDERTRAIL_ACCESS_LOG": "true"}
        environment = receiver.environment | settings
        with closing(RunningServer(tmp_path / "data", environment)) as server:
            await asyncio.to_thread(server.start)
            await wait_until_serving(server.address)
            async with connect(server.address) as client:
                receipt = await client.place("shop-1", LINES)
                await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert await asyncio.to_thread(server.stop) == 0
        call, _ = await receiver.wait_for(f"{SERVICE}/PlaceOrder", f"project {receipt.position.topic}")
    assert f"trace_id={call.trace_id}" in server.stderr  # log lines name the trace that the call has begun


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
async def test_receiver_that_hangs_delays_neither_calls_nor_the_stop(tmp_path: Path, protocol: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:  # it accepts connections, and never answers
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3600",
            "OTEL_BSP_SCHEDULE_DELAY": "1",
            "OTEL_BSP_MAX_QUEUE_SIZE": "8",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8",
        }
        with closing(RunningServer(tmp_path / "data", environment)) as server:
            await asyncio.to_thread(server.start)
            await wait_until_serving(server.address)
            async with connect(server.address) as orders:
                for _ in range(20):  # more than the queue holds
                    await orders.place("shop-1", LINES)
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait, 30.0) == 0
            assert server.faults == []


async def test_server_with_variables_that_it_cannot_use_serves_without_traces(tmp_path: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "carrier/pigeon"}
    with closing(RunningServer(tmp_path / "data", environment)) as server:
        await asyncio.to_thread(server.start)
        await wait_until_serving(server.address)
        async with connect(server.address) as orders:
            await orders.place("shop-1", LINES)
        reason = "traces are off: OTEL_EXPORTER_OTLP_PROTOCOL must be grpc or http/protobuf, not carrier/pigeon"
        assert reason in server.stderr
