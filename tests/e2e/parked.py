"""A log with orders that the server cannot read: with events of a newer release, and damaged."""

from collections.abc import AsyncIterable, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from tests.e2e.refusals import Refused as CallRefusal, catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, write_log

from ordertrail.client import OrderTrail
from ordertrail_server.log.port import Entry

UNKNOWN_EVENT_FAULT = "the record holds an event of number 99, which this release does not know"
# {order id: offset of the record that parks it}. `newer` has a fact of a newer release and one after it, `first` begins
# with one, `broken` is damaged.
PARKED = {"newer": 1, "first": 3, "broken": 6}


def build_parked_log() -> LogBuilder:
    builder = LogBuilder()
    builder.add_fact("newer", PLACED)  # 0
    builder.add_future_event("newer")  # 1
    builder.add_fact("fine", PLACED)  # 2
    builder.add_future_event("first")  # 3
    builder.add_fact("newer", CONFIRMED)  # 4
    builder.add_fact("broken", PLACED)  # 5
    builder.add_broken_record("broken")  # 6
    builder.add_fact("fine", CONFIRMED)  # 7
    builder.add_repetition("fine", version=1)  # 8, void
    builder.add_barrier("fine")  # 9
    return builder


def make_log(data: Path, entries: Sequence[Entry]) -> None:
    data.mkdir()
    write_log(data, entries)


def create_client(server: RunningServer) -> OrderTrail:
    """Return a client that does not retry by itself."""
    return OrderTrail(grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]))


async def catch_refusal_of_rpc(client: OrderTrail, name: str, request: Message) -> CallRefusal:
    return await catch_refusal(RPCS[name].call(client.channel, request.SerializeToString()))


async def read_all(call: AsyncIterable[Any], frames: list[Any]) -> None:
    """Append frames to `frames` until the stream ends or is refused."""
    async for frame in call:
        frames += [frame]
