"""One caller's wait for a receipt, beside the two things it cannot do without: a call, and an awaited produce."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from time import perf_counter

import grpc
from confluent_kafka import Producer

from benchmarks.commands import PLACE_ORDER
from benchmarks.on_kafka.brokers import Site, counted, site
from benchmarks.samples import place_order
from benchmarks.servers import BARE, running
from benchmarks.table import Row
from ordertrail_server.commands.company import SOLO_S
from ordertrail_server.log.kafka_topic import create

ROUNDS, CALLS = 7, 200
ALONE_S = SOLO_S + 0.2
RECORD_BYTES = 250
BARE_TOPIC = "bare"


def measure(brokers: int, steady: bool) -> Row:
    """Return the median ms to a receipt, and those of an echo and of a produce that is awaited, in turns.

    A server whose caller calls steadily finds that nobody else writes; else it asks the log for its end first.
    """
    with ExitStack() as held:
        there = held.enter_context(site(brokers))
        place = _caller(held, held.enter_context(there.server("server")), PLACE_ORDER)
        response = there.folder / "response"
        response.write_bytes(place())
        echo = _caller(held, held.enter_context(running(*BARE, str(response), "0")), "Bare/Echo")
        calls = [place, echo, held.enter_context(_awaited_produce(there, brokers))]
        rounds = [_round(calls, steady) for _ in range(ROUNDS)]
    placed, echoed, produced = (median(figures) for figures in zip(*rounds, strict=True))
    limit = f"echo {echoed:.2f} + awaited produce {produced:.2f}"
    name = f"Kafka, {counted(brokers)}: p50 of one caller, {'steady' if steady else 'now and then'}"
    return Row(name, "ms", placed, limit, echoed + produced, at_most=1.3)


def _round(calls: Sequence[Callable[[], object]], steady: bool) -> list[float]:
    begun = perf_counter()
    while steady and perf_counter() - begun < ALONE_S:
        calls[0]()
    return [_milliseconds(call) for call in calls]


def _caller(held: ExitStack, address: str, rpc: str) -> Callable[[], bytes]:
    request = place_order().SerializeToString()
    channel = held.enter_context(grpc.insecure_channel(address))
    call = channel.unary_unary(f"/{rpc}", None, None)
    return lambda: call(request, wait_for_ready=True)


def _milliseconds(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(CALLS):
        begun = perf_counter()
        call()
        taken.append(perf_counter() - begun)
    return median(taken) * 1e3


@contextmanager
def _awaited_produce(there: Site, brokers: int) -> Iterator[Callable[[], None]]:
    """Yield what returns once a record is on the log, with the settings that the log's promises rest on."""
    settings = {"bootstrap.servers": there.bootstrap}
    create(settings, BARE_TOPIC, partitions=1, replicas=min(brokers, 3))
    producer = Producer(settings | {"acks": "all", "enable.idempotence": True, "linger.ms": 0})

    def produce() -> None:
        producer.produce(BARE_TOPIC, bytes(RECORD_BYTES), partition=0)
        producer.flush()

    yield produce
    producer.close()
