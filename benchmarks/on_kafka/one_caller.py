"""One caller's wait for a receipt, beside the two things it cannot do without: a call, and an awaited produce."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from statistics import median
from time import perf_counter
from typing import Literal, cast

import grpc

from benchmarks.commands import PLACE_ORDER
from benchmarks.on_kafka.bare_produce import METHOD, RECORD_BYTES, producer
from benchmarks.on_kafka.brokers import Site, counted, site
from benchmarks.samples import place_order
from benchmarks.servers import BARE, running
from benchmarks.table import Row
from ordertrail_server.log.kafka.topic import create_topic

ROUNDS, CALLS = 7, 200
# A broker that has only just started takes four times as long for a record as one whose code is compiled.
WARM_UP = 5_000
BARE_TOPIC = "bare"
BARE_PRODUCE = ("-m", "benchmarks.on_kafka.bare_produce")

Limit = Literal["the sum", "both at once"]


def measure(brokers: int, named: bool, limit: Limit) -> Row:
    """Return the median ms until an order is placed beside a limit, in turns.

    An order that the caller has `named` may be another server's already, so that the log is asked for its end first.
    The sum is that of an echo and of a produce that is awaited, each for itself; both at once is a bare server that
    awaits a produce.
    """
    with ExitStack() as held:
        there = held.enter_context(site(brokers))
        place = _caller(held, held.enter_context(there.server("server")), PLACE_ORDER, named)
        response = there.folder / "response"
        response.write_bytes(place())
        calls = [place, *_bare(held, there, brokers, limit)]
        for _ in range(WARM_UP):
            calls[-1]()
        rounds = [[_milliseconds(call) for call in calls] for _ in range(ROUNDS)]
    placed, *bare = (median(figures) for figures in zip(*rounds, strict=True))
    name = f"Kafka, {counted(brokers)}: p50 of one caller{' who names the orders' if named else ''}"
    if limit == "the sum":
        told = f"echo {bare[0]:.2f} + awaited produce {bare[1]:.2f}"
        return Row(name, "ms", placed, told, sum(bare), at_most=1.3)
    return Row(name, "ms", placed, "a bare server that awaits a produce", sum(bare))


def _bare(held: ExitStack, there: Site, brokers: int, limit: Limit) -> list[Callable[[], object]]:
    create_topic({"bootstrap.servers": there.bootstrap}, BARE_TOPIC, partitions=1, replicas=min(brokers, 3))
    response = str(there.folder / "response")
    if limit == "both at once":
        at_once = running(*BARE_PRODUCE, response, there.bootstrap, BARE_TOPIC)
        return [_caller(held, held.enter_context(at_once), METHOD)]
    echo = _caller(held, held.enter_context(running(*BARE, response, "0")), "Bare/Echo")
    return [echo, held.enter_context(_awaited_produce(there))]


def _caller(held: ExitStack, address: str, rpc: str, named: bool = False) -> Callable[[], bytes]:
    request, numbers = place_order(), count()
    channel = held.enter_context(grpc.insecure_channel(address))
    call = channel.unary_unary(f"/{rpc}", None, None)

    def ask() -> bytes:
        if named:
            request.order_id = request.request_id = f"order-{next(numbers)}"
        return cast("bytes", call(request.SerializeToString(), wait_for_ready=True))

    return ask


def _milliseconds(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(CALLS):
        begun = perf_counter()
        call()
        taken.append(perf_counter() - begun)
    return median(taken) * 1e3


@contextmanager
def _awaited_produce(there: Site) -> Iterator[Callable[[], None]]:
    """Yield what returns once a record is on the log."""
    producing = producer(there.bootstrap)

    def produce() -> None:
        producing.produce(BARE_TOPIC, bytes(RECORD_BYTES), partition=0)
        producing.flush()

    yield produce
    producing.close()
