"""A log that two releases wrote: the commands of each, and what the old release reads."""

import grpc
from google.protobuf.message import Message
from tests.e2e.refusals import Refused, catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.sample_orders import build_order
from tests.evolving.gift_request import build_gift_request
from tests.evolving.releases import Releases

from ordertrail.client import OrderTrail
from ordertrail.commands import Request
from ordertrail.v1.commands_pb2 import AddOrderLineRequest, ConfirmOrderRequest
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail.values import line

# `older` is placed by the old release, the others by the new one, which stores that as OrderPlaced of version 4.
BY_OLD: list[Request] = [build_order("older", "older/1")]
GIFT = build_gift_request("gift", "gift/1")
BY_NEW: list[Request] = [
    GIFT,
    AddOrderLineRequest(order_id="older", line=line("p_3", 7, "0.10", "EUR"), request_id="older/2"),
    build_order("newer", "newer/1"),
    AddOrderLineRequest(order_id="gift", line=line("p_3", 1, "4.00", "EUR"), request_id="gift/2"),
    ConfirmOrderRequest(order_id="gift", request_id="gift/3"),
    ConfirmOrderRequest(order_id="older", request_id="older/3"),
]
WRITTEN_VERSIONS = [2, 4, 2, 4, 2, 2, 2]
PARKED = ("gift", "newer")
WAITING = ["gift", "newer", "gift", "gift"]


async def roll_out(releases: Releases) -> list[Receipt]:
    """Serve with the old release, then with the new one, which stays running; return their receipts."""
    releases.turn_to(releases.old)
    answered = await send_all(releases, BY_OLD)
    releases.turn_to(releases.new)
    return answered + await send_all(releases, BY_NEW)


async def send_all(releases: Releases, requests: list[Request]) -> list[Receipt]:
    """Send commands to the running release."""
    async with releases.client() as orders:
        return [await orders.send(request) for request in requests]


async def history(orders: OrderTrail) -> list[HistoryEvent]:
    """Return all events that can be read."""
    return [event async for event in orders.stream()]


async def catch_rpc_refusal(orders: OrderTrail, rpc: str, request: Message) -> Refused:
    """Return the refusal of a call. Fails if the call succeeds."""
    return await catch_refusal(RPCS[rpc].call(orders.channel, request.SerializeToString()))


def assert_parked_refusal(error: Refused, order_id: str) -> None:
    """Assert that a refusal reports this order as parked for a newer release, with a retry delay."""
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "ORDER_PARKED")
    assert error.retry_seconds
    assert order_id in error.message
    assert "which this release does not know" in error.message
