"""A watch of a submitted command survives stopped servers and lost connections, and ends with the outcome."""

from collections.abc import Sequence

import grpc
import pytest
from tests.client.stub_server import AWAY, Failure, StubServer

from ordertrail.client import OrderTrail
from ordertrail.errors import NotFound, Unavailable
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.v1.submitted_commands_pb2 import (
    COMMAND_STATE_ACCEPTED,
    COMMAND_STATE_PENDING,
    COMMAND_STATE_STOPPED,
    SubmittedCommand,
    WatchCommandRequest,
)

PENDING = SubmittedCommand(command_id="c-1", state=COMMAND_STATE_PENDING)
STOPPED = SubmittedCommand(command_id="c-1", state=COMMAND_STATE_STOPPED)
ACCEPTED = SubmittedCommand(command_id="c-1", state=COMMAND_STATE_ACCEPTED, receipt=Receipt(order_version=2))


async def watch(client: OrderTrail, **options: float) -> list[SubmittedCommand]:
    return [command async for command in client.watch_command("c-1", at_least_as_fresh=["t"], **options)]


@pytest.mark.parametrize(
    "watches",
    [
        [[PENDING, STOPPED, ACCEPTED]],
        [[PENDING], [PENDING, STOPPED], [ACCEPTED]],
        [[PENDING, STOPPED, AWAY], [AWAY], [STOPPED, ACCEPTED]],
    ],
    ids=["one watch", "stopped servers", "lost connections"],
)
async def test_watch_yields_each_state_once_and_ends_with_the_outcome(
    client: OrderTrail, stub_server: StubServer, watches: Sequence[Sequence[SubmittedCommand | Failure]]
) -> None:
    stub_server.watches.extend(watches)
    assert await watch(client) == [PENDING, STOPPED, ACCEPTED]
    request = WatchCommandRequest(command_id="c-1", at_least_as_fresh=["t"])
    assert stub_server.requests == [request] * len(watches)


async def test_silent_watch_is_replaced(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.watches.extend([[PENDING, None], [ACCEPTED]])
    assert await watch(client, silence=0.05) == [PENDING, ACCEPTED]


async def test_watch_has_no_deadline(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.watches.append([ACCEPTED])
    await watch(client)
    assert stub_server.deadlines == [None]


async def test_watch_of_unknown_command_is_not_found_at_once(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.append((grpc.StatusCode.NOT_FOUND, "unknown"))
    with pytest.raises(NotFound):
        await watch(client)


async def test_watch_gives_up_after_its_patience(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.failures.extend([AWAY] * 50)
    with pytest.raises(Unavailable, match="away"):
        await watch(client, patience=0.3)
