"""The streams of a stopping server end with OK, and callers can resume after its restart."""

import asyncio
import signal
from typing import Any

import grpc
from tests.e2e.reference_fold import fold_directory
from tests.e2e.running_server import RunningServer, wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail.client import connect
from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest, ExecuteCommandsRequest, ExecuteCommandsResponse
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest


async def test_followed_stream_ends_with_ok_and_can_be_resumed(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        receipts = [await orders.send(build_order()) for _ in range(3)]
        fresh = [receipts[-1].consistency_token]
        stream = orders.history.StreamOrderEvents(StreamOrderEventsRequest(follow=True, at_least_as_fresh=fresh))
        events, token = await read_until_caught_up(stream, len(receipts))
        server.signal(signal.SIGTERM)
        async for frame in stream:
            token = frame.resume_token
        assert await stream.code() is grpc.StatusCode.OK
        assert await asyncio.to_thread(server.wait) == 0
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        last_receipt = await orders.send(build_order())
        fresh = [last_receipt.consistency_token]
        later_events = [event async for event in orders.stream(resume_token=token, at_least_as_fresh=fresh)]
    assert [event.digest for event in [*events, *later_events]] == [
        receipt.digest for receipt in [*receipts, last_receipt]
    ]


async def test_batch_stream_ends_between_two_batches(server: RunningServer) -> None:
    server.start()
    refused_commands = [Command(confirm_order=ConfirmOrderRequest(order_id="no-such-order"))] * 199
    async with connect(server.address) as orders:
        call, answers = orders.commands.ExecuteCommands(None), list[ExecuteCommandsResponse]()
        for _ in range(20):
            await call.write(ExecuteCommandsRequest(commands=[*refused_commands, Command(place_order=build_order())]))
        while isinstance(answer := await call.read(), ExecuteCommandsResponse):
            answers.append(answer)
            if len(answers) == 1:
                server.signal(signal.SIGTERM)
        assert await call.code() is grpc.StatusCode.OK
        assert all(len(answer.results) == 200 for answer in answers)
        assert await asyncio.to_thread(server.wait) == 0
    assert len((await fold_directory(server.data)).facts) == len(answers)


async def read_until_caught_up(stream: Any, count: int) -> tuple[list[HistoryEvent], str]:
    """Read a stream until it has sent `count` events and caught_up."""
    events: list[HistoryEvent] = []
    async for frame in stream:
        events.extend(frame.events)
        if len(events) >= count and frame.caught_up:
            return events, frame.resume_token
    raise AssertionError("the stream ended")
