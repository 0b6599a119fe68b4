"""A log with orders that the server cannot read: with events of a newer release, and damaged."""

from collections.abc import AsyncIterable, Sequence
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from tests.e2e.refusals import Refused as CallRefusal, refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer
from tests.projections.story import CONFIRMED, PLACED, Story, write_log

from ordertrail.client import OrderTrail
from ordertrail_server.log.port import Entry

UNKNOWN_EVENT_FAULT = "the record holds an event of number 99, which this release does not know"
# {order id: offset of the record that parks it}. `newer` has a fact of a newer release and one after it, `first` begins
# with one, `broken` is damaged.
PARKED = {"newer": 1, "first": 3, "broken": 6}


def parked_story() -> Story:
    story = Story()
    story.fact("newer", PLACED)  # 0
    story.future("newer")  # 1
    story.fact("fine", PLACED)  # 2
    story.future("first")  # 3
    story.fact("newer", CONFIRMED)  # 4
    story.fact("broken", PLACED)  # 5
    story.broken("broken")  # 6
    story.fact("fine", CONFIRMED)  # 7
    story.repeat("fine", version=1)  # 8, void
    story.barrier("fine")  # 9
    return story


def make_log(data: Path, entries: Sequence[Entry]) -> None:
    data.mkdir()
    write_log(data, entries)


def client_of(server: RunningServer) -> OrderTrail:
    """Return a client that does not retry by itself."""
    return OrderTrail(grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]))


async def refusal_of_rpc(client: OrderTrail, name: str, request: Message) -> CallRefusal:
    return await refusal(RPCS[name].call(client.channel, request.SerializeToString()))


async def read_all(call: AsyncIterable[Any], frames: list[Any]) -> None:
    """Append frames to `frames` until the stream ends or is refused."""
    async for frame in call:
        frames += [frame]
