"""Calls of a server without the client and its retries."""

import grpc
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import RunningServer

from ordertrail.v1.commands_pb2 import PlaceOrderRequest
from ordertrail.v1.receipt_pb2 import Receipt


def open_channel_without_retries(server: RunningServer) -> grpc.aio.Channel:
    """Return a channel that does not retry, unlike the client."""
    return grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)])


async def place_order(channel: grpc.aio.Channel, request: PlaceOrderRequest) -> Receipt:
    [answer] = await RPCS["PlaceOrder"].call(channel, request.SerializeToString())
    receipt: Receipt = answer.receipt
    return receipt
