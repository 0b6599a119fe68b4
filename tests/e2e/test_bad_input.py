"""Whatever bytes a client sends, it gets a typed answer, and the server stays as it was."""

from random import Random
from typing import Any

import grpc
import pytest
from tests.e2e.refusals import PYTHON, read_status, refusal, refusal_if_any
from tests.e2e.rpcs import RPCS, a_request
from tests.e2e.running_server import RunningServer, until_serving
from tests.e2e.shop import an_order

from ordertrail.client import OrderTrail
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail_server.schema.wire import bytes_tag, chunk

UNARY = [name for name, rpc in RPCS.items() if not rpc.batched]
BATCHED = [name for name, rpc in RPCS.items() if rpc.batched]
MEBIBYTE = 1 << 20
# A tag without a value; a length beyond the end; a number without an end; a group that does not end.
NO_MESSAGES = (b"\x0a", b"\x0a\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 11, b"\xff" * 40, b"\x0b\x0b")
RANDOM_REQUESTS = 300  # to each rpc


@pytest.mark.parametrize("name", RPCS)
async def test_bytes_that_are_no_message_are_an_invalid_argument(orders: OrderTrail, name: str) -> None:
    for raw in NO_MESSAGES:
        refused = await refusal(RPCS[name].call(orders.channel, raw))
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), raw


LIBRARY_RPCS = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/List",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]


@pytest.mark.parametrize("path", LIBRARY_RPCS)
async def test_bytes_that_are_no_message_of_a_standard_service_are_an_invalid_argument(
    server: RunningServer, path: str
) -> None:
    server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        refused = await refusal(channel.stream_stream(path)(iter([b"\xff"])).read())  # type: ignore[call-arg]
        assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert server.stderr == ""


@pytest.mark.parametrize("name", UNARY)
async def test_a_single_request_beyond_64_kib_is_too_large(orders: OrderTrail, name: str) -> None:
    raw = a_request(name).SerializeToString() + unknown_field(b"x" * 65_536)
    refused = await refusal(RPCS[name].call(orders.channel, raw))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("name", BATCHED)
async def test_a_batch_beyond_1_mib_is_too_large(orders: OrderTrail, name: str) -> None:
    refused = await refusal(RPCS[name].call(orders.channel, unknown_field(bytes(MEBIBYTE))))
    assert (refused.code, refused.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE")


@pytest.mark.parametrize("name", RPCS)
async def test_what_is_far_too_large_grpc_itself_refuses(orders: OrderTrail, name: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await RPCS[name].call(orders.channel, unknown_field(bytes(20 * MEBIBYTE)))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not PYTHON.search(str(refused.value.details()))


async def test_a_command_of_a_batch_beyond_64_kib_is_too_large_and_stops_no_other(orders: OrderTrail) -> None:
    large, small = an_order(customer="x" * 66_000), an_order()
    batch = ExecuteCommandsRequest(commands=[Command(place_order=large), Command(place_order=small)])
    refused, accepted = await results(orders.channel, batch.SerializeToString())
    assert read_status(refused.status).reason == "REQUEST_TOO_LARGE"
    assert accepted.receipt.order_version == 1


@pytest.mark.parametrize("name", RPCS)
async def test_megabytes_of_empty_messages_are_refused_and_take_no_memory(shared: RunningServer, name: str) -> None:
    async with grpc.aio.insecure_channel(shared.address) as channel:
        before = shared.resident_bytes
        for tag in repeated_fields(name):
            refused = await refusal(RPCS[name].call(channel, (tag + b"\x00") * (MEBIBYTE // 2 - 1)))
            assert refused.reason in ("INVALID_REQUEST", "REQUEST_TOO_LARGE")
        assert shared.resident_bytes - before < 32 * MEBIBYTE


async def test_a_batch_of_commands_full_of_empty_lines_takes_no_memory(shared: RunningServer) -> None:
    place_order = an_order().SerializeToString()
    lines = b"\x5a\x00" * 30_000  # field 11 of PlaceOrderRequest
    swollen = chunk(bytes_tag(1), chunk(bytes_tag(1), place_order + lines))
    async with grpc.aio.insecure_channel(shared.address) as channel:
        before = shared.resident_bytes
        for result in await results(channel, swollen * 17):
            assert read_status(result.status).fields == ["place_order.lines"]
        assert shared.resident_bytes - before < 32 * MEBIBYTE


@pytest.mark.parametrize("name", RPCS)
async def test_random_bytes_never_meet_a_fault_of_the_server(
    shared: RunningServer, orders: OrderTrail, name: str
) -> None:
    rpc, random = RPCS[name], Random(name)
    valid = a_request(name).SerializeToString()
    for number in range(RANDOM_REQUESTS):
        raw = random.randbytes(random.randrange(200)) if number % 2 else mutated(valid, random)
        told = await refusal_if_any(rpc.call(orders.channel, raw))
        assert told is None or told.reason not in ("INTERNAL", "UNAVAILABLE"), raw
    await until_serving(shared.address)


async def test_metadata_may_be_odd_but_not_too_long(orders: OrderTrail) -> None:
    place = orders.commands.PlaceOrder
    for odd in (("ordertrail-actor", ""), ("ordertrail-actor", "a" * 256), ("traceparent", "no trace at all")):
        assert (await place(an_order(), metadata=(odd,))).receipt.event.order_version == 1
    twice = (("ordertrail-actor", "first"), ("ordertrail-actor", "second"), ("x-unheard-of-bin", b"\x00\xff"))
    assert (await place(an_order(), metadata=twice)).receipt.event.actor in ("first", "second")
    for key in ("ordertrail-actor", "traceparent"):
        refused = await refusal(place(an_order(), metadata=((key, "a" * 257),)))
        assert refused.reason == "INVALID_REQUEST"


async def test_metadata_within_the_bound_is_always_taken(orders: OrderTrail) -> None:
    for _ in range(30):  # between gRPC's own two bounds, of 8 and 16 KiB, it takes some calls and refuses others
        answer = await orders.commands.PlaceOrder(an_order(), metadata=(("x-long", "a" * 14_000),))
        assert answer.receipt.order_version == 1


async def test_metadata_beyond_the_bound_is_refused_by_grpc(orders: OrderTrail) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await orders.commands.PlaceOrder(an_order(), metadata=(("x-long", "a" * 40_000),))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not PYTHON.search(str(refused.value.details()))


async def test_an_rpc_that_there_is_not_is_unimplemented(orders: OrderTrail) -> None:
    for path in ("/ordertrail.v1.OrderCommandService/DropTables", "/ordertrail.v2.Nothing/At", "/"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await orders.channel.unary_unary(path, None, None)(b"")
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert not PYTHON.search(str(refused.value.details()))


async def results(channel: grpc.aio.Channel, batch: bytes) -> list[Any]:
    [answer] = await RPCS["ExecuteCommands"].call(channel, batch)
    return list(answer.results)


def repeated_fields(name: str) -> list[bytes]:
    """Return the tags under which a request takes a list of messages or texts."""
    fields = RPCS[name].request.DESCRIPTOR.fields
    found = [bytes_tag(field.number) for field in fields if field.is_repeated and field.enum_type is None]
    return found or [bytes_tag(1)]


def unknown_field(value: bytes) -> bytes:
    return chunk(bytes_tag(1_999), value)


def mutated(valid: bytes, random: Random) -> bytes:
    """Return a message with a few bytes changed, added or taken away: most of these can still be read."""
    raw = bytearray(valid)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(raw) + 1)
        raw[at : at + random.randrange(2)] = random.randbytes(random.randrange(3))
    return bytes(raw)
