"""Durable unary commands, compared with a bare grpc.aio server that answers the same messages without any work."""

import tempfile
from pathlib import Path
from statistics import median

import grpc

from benchmarks.load_generator import calls_per_second
from benchmarks.sample_orders import place_order
from benchmarks.server_process import BARE, run_ordertrail, run_process
from benchmarks.table import Row
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub

PLACE_ORDER = "ordertrail.v1.OrderCommandService/PlaceOrder"
ROUNDS, SECONDS = 3, 4


def measure(callers: int = 32) -> Row:
    """Return the commands/s with a running projector and the calls/s of the bare server, measured alternately."""
    ours, limit = [], []
    with tempfile.TemporaryDirectory() as folder:
        data, response = Path(folder) / "data", Path(folder) / "response"
        with run_ordertrail(data) as address:
            response.write_bytes(_response(address))
            with run_process(*BARE, str(response), "0") as bare:
                for _ in range(ROUNDS):
                    limit.append(calls_per_second(bare, "Bare/Echo", place_order(), callers, SECONDS))
                    ours.append(calls_per_second(address, PLACE_ORDER, place_order(), callers, SECONDS))
    name = f"durable unary commands, {callers} callers"
    return Row(name, "commands/s", median(ours), "bare grpc.aio echo of the same messages", median(limit), 0.4)


def _response(address: str) -> bytes:
    with grpc.insecure_channel(address) as channel:
        return OrderCommandServiceStub(channel).PlaceOrder(place_order()).SerializeToString()
