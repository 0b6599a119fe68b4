"""Any bytes of a client get a typed answer and do not harm the server."""

from random import Random
from typing import Any

import grpc
import pytest
from tests.e2e.logs import Embedded, LogOfServer
from tests.e2e.refusals import PYTHON, catch_refusal, catch_refusal_if_any, read_status
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.trials import choose_size

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail_server.schema.wire import bytes_tag, chunk

UNARY = [name for name, rpc in RPCS.items() if not rpc.batched]
BATCHED = [name for name, rpc in RPCS.items() if rpc.batched]
MEBIBYTE = 1 << 20
# A tag without a value; a length beyond the end; a number without an end; a group that does not end.
NO_MESSAGES = (b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 11, b"\xff" * 40, b"\x0b\x0b")
RANDOM_REQUESTS = choose_size(60, 300, 10_000)  # to each rpc


@pytest.fixture(scope="module")
def log() -> LogOfServer:
    """The embedded log alone: what these tests check happens before a log is used, or after."""
    return Embedded()


@pytest.mark.parametrize("name", RPCS)
async def test_unparsable_bytes_are_refused_as_invalid_request(orders: OrderTrail, name: str) -> None:
    for raw in NO_MESSAGES:
        call_refusal = await catch_refusal(RPCS[name].call(orders.channel, raw))
        assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), raw


NO_POLICY = "there is no policy"
"""A server says it at its start, perhaps only after it listens."""

LIBRARY_RPCS = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]


@pytest.mark.parametrize("path", LIBRARY_RPCS)
async def test_unparsable_bytes_to_health_or_reflection_are_refused(server: RunningServer, path: str) -> None:
    server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = channel.stream_stream(path, None, None)
        call_refusal = await catch_refusal(call(iter([b"\xff"])).read())
        assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [text for text in server.stderr.splitlines() if NO_POLICY not in text] == []


@pytest.mark.parametrize("name", UNARY)
async def test_single_request_above_64_kib_is_refused(orders: OrderTrail, name: str) -> None:
    raw = build_request(name).SerializeToString() + unknown_field(b"x" * 65_536)
    call_refusal = await catch_refusal(RPCS[name].call(orders.channel, raw))
    assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("name", [*BATCHED, "SubmitCommand"])
async def test_batch_above_1_mib_is_refused(orders: OrderTrail, name: str) -> None:
    call_refusal = await catch_refusal(RPCS[name].call(orders.channel, unknown_field(bytes(MEBIBYTE))))
    assert (call_refusal.code, call_refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("name", RPCS)
async def test_request_of_20_mib_is_refused_by_grpc(orders: OrderTrail, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as call_refusal:
        await RPCS[name].call(orders.channel, unknown_field(bytes(20 * MEBIBYTE)))
    assert call_refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not PYTHON.search(str(call_refusal.value.details()))


async def test_command_above_64_kib_is_refused_and_others_of_its_batch_are_not(orders: OrderTrail) -> None:
    large_order, small_order = build_order(customer="x" * 66_000), build_order()
    batch = ExecuteCommandsRequest(commands=[Command(place_order=large_order), Command(place_order=small_order)])
    call_refusal, accepted = await results(orders.channel, batch.SerializeToString())
    assert read_status(call_refusal.status).reason == "REQUEST_TOO_LARGE"
    assert accepted.receipt.order_version == 1


@pytest.mark.parametrize("name", RPCS)
async def test_megabytes_of_empty_messages_are_refused_in_bounded_memory(shared: RunningServer, name: str) -> None:
    async with grpc.aio.insecure_channel(shared.address) as channel:
        before = shared.resident_bytes
        for tag in repeated_fields(name):
            call_refusal = await catch_refusal(RPCS[name].call(channel, (tag + b"\x00") * (MEBIBYTE // 2 - 1)))
            assert call_refusal.reason in ("INVALID_REQUEST", "REQUEST_TOO_LARGE")
        assert shared.resident_bytes - before < 32 * MEBIBYTE


async def test_commands_with_many_empty_lines_are_refused_in_bounded_memory(shared: RunningServer) -> None:
    place_order = build_order().SerializeToString()
    lines = b"\x5a\x00" * 30_000  # field 11 of PlaceOrderRequest
    large_command = chunk(bytes_tag(1), chunk(bytes_tag(1), place_order + lines))
    async with grpc.aio.insecure_channel(shared.address) as channel:
        before = shared.resident_bytes
        for result in await results(channel, large_command * 17):
            assert read_status(result.status).fields == ["place_order.lines"]
        assert shared.resident_bytes - before < 32 * MEBIBYTE


@pytest.mark.sampled
@pytest.mark.parametrize("name", RPCS)
async def test_random_bytes_never_cause_an_internal_error(shared: RunningServer, orders: OrderTrail, name: str) -> None:
    rpc, random = RPCS[name], Random(name)
    valid = build_request(name).SerializeToString()
    for number in range(RANDOM_REQUESTS):
        raw = random.randbytes(random.randrange(200)) if number % 2 else mutate(valid, random)
        call_refusal = await catch_refusal_if_any(rpc.call(orders.channel, raw))
        assert call_refusal is None or call_refusal.reason not in ("INTERNAL", "UNAVAILABLE"), raw
    await wait_until_serving(shared.address)


async def test_unusual_metadata_is_accepted_unless_too_long(orders: OrderTrail) -> None:
    place = orders.commands.PlaceOrder
    for pair in (("ordertrail-actor", ""), ("ordertrail-actor", "a" * 256), ("traceparent", "no trace at all")):
        assert (await place(build_order(), metadata=(pair,))).receipt.event.order_version == 1
    repeated_pairs = (("ordertrail-actor", "first"), ("ordertrail-actor", "second"), ("x-unheard-of-bin", b"\x00\xff"))
    assert (await place(build_order(), metadata=repeated_pairs)).receipt.event.actor in ("first", "second")
    for key in ("ordertrail-actor", "traceparent"):
        call_refusal = await catch_refusal(place(build_order(), metadata=((key, "a" * 257),)))
        assert call_refusal.reason == "INVALID_REQUEST"


async def test_metadata_of_14_kb_is_always_accepted(orders: OrderTrail) -> None:
    for _ in range(30):  # between its two bounds, 8 and 16 KiB, gRPC accepts some calls and refuses others
        answer = await orders.commands.PlaceOrder(build_order(), metadata=(("x-long", "a" * 14_000),))
        assert answer.receipt.order_version == 1


async def test_metadata_of_40_kb_is_refused_by_grpc(orders: OrderTrail) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as call_refusal:
        await orders.commands.PlaceOrder(build_order(), metadata=(("x-long", "a" * 40_000),))
    assert call_refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not PYTHON.search(str(call_refusal.value.details()))


async def test_unknown_rpc_is_unimplemented(orders: OrderTrail) -> None:
    for path in ("/ordertrail.v1.OrderCommandService/DropTables", "/ordertrail.v2.Nothing/At", "/"):
        with pytest.raises(grpc.aio.AioRpcError) as call_refusal:
            await orders.channel.unary_unary(path, None, None)(b"")
        assert call_refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert not PYTHON.search(str(call_refusal.value.details()))


async def results(channel: grpc.aio.Channel, batch: bytes) -> list[Any]:
    [answer] = await RPCS["ExecuteCommands"].call(channel, batch)
    return list(answer.results)


def repeated_fields(name: str) -> list[bytes]:
    """Return the tags of a request's repeated fields of messages or texts."""
    fields = RPCS[name].request.DESCRIPTOR.fields
    tags = [bytes_tag(field.number) for field in fields if field.is_repeated and field.enum_type is None]
    return tags or [bytes_tag(1)]


def unknown_field(value: bytes) -> bytes:
    return chunk(bytes_tag(1_999), value)


def mutate(valid: bytes, random: Random) -> bytes:
    """Return a message with a few bytes changed, added or removed. Most of these can still be parsed."""
    raw = bytearray(valid)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(raw) + 1)
        raw[at : at + random.randrange(2)] = random.randbytes(random.randrange(3))
    return bytes(raw)
