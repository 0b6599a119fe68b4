"""How long a caller waits when the server it called is killed, and it calls another one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

import grpc

from benchmarks.commands import PLACE_ORDER
from benchmarks.on_kafka.brokers import Site, site
from benchmarks.samples import place_order
from benchmarks.table import Row

ROUNDS, BEFORE = 7, 200
ROLE = "command"


def measure() -> Row:
    """Return the median ms from kill -9 of a server to a receipt from another, beside a receipt in peace."""
    waits, in_peace = [], []
    with site() as there, there.server("other", ROLE) as other, grpc.insecure_channel(other) as channel:
        grpc.channel_ready_future(channel).result()
        place_there = channel.unary_unary(f"/{PLACE_ORDER}", None, None)
        place_there(place_order().SerializeToString())
        for round_ in range(ROUNDS):
            with _doomed(there, f"doomed-{round_}") as (process, address):
                in_peace.append(_milliseconds(place_there))
                waits.append(_wait(process, address, place_there))
    name = "Kafka: kill -9 of a server to a receipt from another"
    return Row(name, "ms", median(waits), "a receipt in peace", median(in_peace), ceiling=200)


@contextmanager
def _doomed(there: Site, name: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, *there.arguments(name, ROLE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())["listening"]
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[str]", address: str, place_there: Callable[[bytes], bytes]) -> float:
    """Kill the server in the middle of a call, and send the same command to the other one."""
    request = place_order()
    request.order_id = request.request_id = address + str(process.pid)
    body = request.SerializeToString()
    with grpc.insecure_channel(address) as channel:
        place_here = channel.unary_unary(f"/{PLACE_ORDER}", None, None)
        for _ in range(BEFORE):
            place_here(place_order().SerializeToString(), wait_for_ready=True)
        call = place_here.future(body)
        process.kill()
        begun = perf_counter()
        call.exception()
        place_there(body)
        return (perf_counter() - begun) * 1e3


def _milliseconds(place: Callable[[bytes], bytes]) -> float:
    begun = perf_counter()
    place(place_order().SerializeToString())
    return (perf_counter() - begun) * 1e3
