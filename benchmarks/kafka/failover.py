"""The time until a caller gets a receipt from another server after its server was killed."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

import grpc

from benchmarks.kafka.site import Site, run_site
from benchmarks.sample_orders import place_order
from benchmarks.server_process import start_process, wait_until_listening, wait_until_serving
from benchmarks.table import Row
from benchmarks.unary_commands import PLACE_ORDER

ROUNDS, WARM_UP_CALLS = 7, 200
ROLE = "command"


def measure() -> Row:
    """Return the median ms from kill -9 of a server to a receipt from another, and of a receipt without a failure."""
    waits, undisturbed = [], []
    with (
        run_site() as kafka_site,
        kafka_site.server("survivor", ROLE) as survivor,
        grpc.insecure_channel(survivor) as channel,
    ):
        grpc.channel_ready_future(channel).result()
        place_at_survivor = channel.unary_unary(f"/{PLACE_ORDER}", None, None)
        place_at_survivor(place_order().SerializeToString())
        for round_ in range(ROUNDS):
            with _victim(kafka_site, f"victim-{round_}") as (process, address):
                undisturbed.append(_milliseconds(place_at_survivor))
                waits.append(_wait(process, address, place_at_survivor))
    name = "Kafka: kill -9 of a server to a receipt from another"
    return Row(name, "ms", median(waits), "a receipt without a failure", median(undisturbed), max_cost=200)


@contextmanager
def _victim(kafka_site: Site, name: str) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    with start_process(*kafka_site.build_arguments(name, ROLE)) as process:
        address = wait_until_listening(process)
        wait_until_serving(address)
        yield process, address


def _wait(process: "subprocess.Popen[str]", address: str, place_at_survivor: Callable[[bytes], bytes]) -> float:
    """Kill the server during a call and send the same command to the survivor; return the ms from the kill."""
    request = place_order()
    request.order_id = request.request_id = address + str(process.pid)
    body = request.SerializeToString()
    with grpc.insecure_channel(address) as channel:
        place_at_victim = channel.unary_unary(f"/{PLACE_ORDER}", None, None)
        for _ in range(WARM_UP_CALLS):
            place_at_victim(place_order().SerializeToString(), wait_for_ready=True)
        call = place_at_victim.future(body)
        process.kill()
        start = perf_counter()
        call.exception()
        place_at_survivor(body)
        return (perf_counter() - start) * 1e3


def _milliseconds(place: Callable[[bytes], bytes]) -> float:
    start = perf_counter()
    place(place_order().SerializeToString())
    return (perf_counter() - start) * 1e3
