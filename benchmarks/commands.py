"""Durable unary commands, beside a bare grpc.aio server that answers the same messages and does nothing."""

import tempfile
from pathlib import Path
from statistics import median

import grpc

from benchmarks.load import calls_per_second
from benchmarks.samples import place_order
from benchmarks.servers import BARE, ordertrail, running
from benchmarks.table import Row
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

PLACE_ORDER = "ordertrail.v1.OrderCommandService/PlaceOrder"
ROUNDS, SECONDS = 3, 4


def measure(callers: int = 32) -> Row:
    """Return commands a second at 32 callers, the projector live, and bare calls a second, in turns."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data, response = Path(folder) / "data", Path(folder) / "response"
        with ordertrail(data) as address:
            response.write_bytes(_response(address))
            with running(*BARE, str(response), "0") as bare:
                for _ in range(ROUNDS):
                    limit.append(calls_per_second(bare, "Bare/Echo", place_order(), callers, SECONDS))
                    ours.append(calls_per_second(address, PLACE_ORDER, place_order(), callers, SECONDS))
    name = f"durable unary commands, {callers} callers"
    return Row(name, "commands/s", median(ours), "bare aio echo of the same messages", median(limit), 0.4)


def _response(address: str) -> bytes:
    with grpc.insecure_channel(address) as channel:
        return OrderCommandServiceStub(channel).PlaceOrder(place_order()).SerializeToString()
