"""The latency of one caller, compared with its minimal parts: a call, and a produce request that is awaited."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from statistics import median
from time import perf_counter
from typing import Literal, cast

import grpc

from benchmarks.kafka.produce_server import METHOD, RECORD_BYTES, create_producer
from benchmarks.kafka.site import Site, format_brokers, run_site
from benchmarks.sample_orders import place_order
from benchmarks.server_process import BARE, run_process
from benchmarks.table import Row
from benchmarks.unary_commands import PLACE_ORDER
from ordertrail_server.log.kafka.topic import create_topic

ROUNDS, CALLS = 7, 200
# A broker needs four times as long for a record until its JVM has compiled the code.
WARM_UP = 5_000
BARE_TOPIC = "bare"
BARE_PRODUCE = ("-m", "benchmarks.kafka.produce_server")

Limit = Literal["sequential", "combined"]


def measure(brokers: int, has_client_ids: bool, limit: Limit) -> Row:
    """Return the median ms to place an order and the limit, measured alternately.

    If the ids are the client's, another server may already have the order, so the server queries the end of the log
    first. The "sequential" limit is an echo plus an awaited produce; the "combined" one is a bare server that awaits a
    produce.
    """
    with ExitStack() as stack:
        kafka_site = stack.enter_context(run_site(brokers))
        place = _create_caller(stack, stack.enter_context(kafka_site.server("server")), PLACE_ORDER, has_client_ids)
        response = kafka_site.folder / "response"
        response.write_bytes(place())
        calls = [place, *_limit_calls(stack, kafka_site, brokers, limit)]
        for _ in range(WARM_UP):
            calls[-1]()
        rounds = [[_milliseconds(call) for call in calls] for _ in range(ROUNDS)]
    placed, *limits = (median(figures) for figures in zip(*rounds, strict=True))
    name = f"Kafka, {format_brokers(brokers)}: p50 of one caller{' with its own order ids' if has_client_ids else ''}"
    if limit == "sequential":
        limit_name = f"echo {limits[0]:.2f} + awaited produce {limits[1]:.2f}"
        return Row(name, "ms", placed, limit_name, sum(limits), max_ratio=1.3)
    return Row(name, "ms", placed, "a bare server that awaits a produce", sum(limits))


def _limit_calls(stack: ExitStack, kafka_site: Site, brokers: int, limit: Limit) -> list[Callable[[], object]]:
    create_topic({"bootstrap.servers": kafka_site.bootstrap}, BARE_TOPIC, partitions=1, replicas=min(brokers, 3))
    response = str(kafka_site.folder / "response")
    if limit == "combined":
        server = run_process(*BARE_PRODUCE, response, kafka_site.bootstrap, BARE_TOPIC)
        return [_create_caller(stack, stack.enter_context(server), METHOD)]
    echo = _create_caller(stack, stack.enter_context(run_process(*BARE, response, "0")), "Bare/Echo")
    return [echo, stack.enter_context(_awaited_produce(kafka_site))]


def _create_caller(stack: ExitStack, address: str, rpc: str, has_client_ids: bool = False) -> Callable[[], bytes]:
    request, numbers = place_order(), count()
    channel = stack.enter_context(grpc.insecure_channel(address))
    call = channel.unary_unary(f"/{rpc}", None, None)

    def call_once() -> bytes:
        if has_client_ids:
            request.order_id = request.request_id = f"order-{next(numbers)}"
        return cast("bytes", call(request.SerializeToString(), wait_for_ready=True))

    return call_once


def _milliseconds(call: Callable[[], object]) -> float:
    durations = []
    for _ in range(CALLS):
        start = perf_counter()
        call()
        durations.append(perf_counter() - start)
    return median(durations) * 1e3


@contextmanager
def _awaited_produce(kafka_site: Site) -> Iterator[Callable[[], None]]:
    """Yield a function that returns once a record is on the topic."""
    kafka_producer = create_producer(kafka_site.bootstrap)

    def produce() -> None:
        kafka_producer.produce(BARE_TOPIC, bytes(RECORD_BYTES), partition=0)
        kafka_producer.flush()

    yield produce
    kafka_producer.close()
