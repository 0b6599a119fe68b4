"""Random logs of several orders, with correct and incorrect records, and their verdicts by the chain rule."""

from collections.abc import Callable
from functools import partial

from hypothesis import strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, create_log, remove

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.chain import LINKS, NO_PREDECESSOR, Verdict, judge
from ordertrail_server.schema.reading import read

PARTITIONS = 2
ORDER_IDS = [f"order-{number}" for number in range(5)]


def _append_next_fact(builder: LogBuilder, order_id: str) -> None:
    events = (PLACED, PLUM_ADDED, remove("apple"), CONFIRMED)
    builder.add_fact(order_id, events[min(builder.version(order_id), 3)])


def _begin_order(builder: LogBuilder, order_id: str) -> None:
    if builder.version(order_id) == 0:
        builder.add_statement(order_id)


def _append_repeated(builder: LogBuilder, order_id: str) -> None:
    if builder.version(order_id):
        builder.add_repetition(order_id, version=1 + builder.version(order_id) // 2)


def _append_late(builder: LogBuilder, order_id: str) -> None:
    if builder.version(order_id):
        builder.add_late_record(order_id, follows=builder.version(order_id) - 1)


def _append_late_refusal(builder: LogBuilder, order_id: str) -> None:
    if builder.version(order_id):
        builder.add_late_refusal(order_id, follows=builder.version(order_id) - 1)


STEPS: list[Callable[[LogBuilder, str], None]] = [
    *(_append_next_fact,) * 6,
    *(_begin_order, _append_repeated, _append_repeated, _append_late),
    *(LogBuilder.add_refusal, LogBuilder.add_refusal, _append_late_refusal),
    *(
        LogBuilder.add_future_event,
        LogBuilder.add_broken_record,
        LogBuilder.add_unreadable_record,
        LogBuilder.add_misplaced_record,
        LogBuilder.add_barrier,
    ),
    lambda builder, order_id: builder.add_fact(order_id, remove("never ordered")),
    lambda builder, order_id: builder.add_fact(order_id, CONFIRMED, seconds=5),
]

LogSteps = list[tuple[Callable[[LogBuilder, str], None], str]]
log_steps = st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(ORDER_IDS)), max_size=60)


async def build_log(steps: LogSteps) -> MemoryLog:
    builder = LogBuilder(PARTITIONS)
    for step, order_id in steps:
        step(builder, order_id)
    return await create_log(builder)


def compute_verdicts(log: MemoryLog) -> list[tuple[int, str]]:
    """Return the position and verdict of every message, judged over plain lists of links."""
    chains: dict[str, list[tuple[int, bytes]]] = {}
    return [
        (LogPosition(partition, logged.offset).pack(), _judge(partition, logged, chains).value)
        for partition, records in enumerate(log.records)
        for logged in records
    ]


def _judge(partition: int, logged: Logged, chains: dict[str, list[tuple[int, bytes]]]) -> Verdict:
    if (logged.key, logged.value) == BARRIER:
        return Verdict.BARRIER
    reading = read(logged.value)
    if reading is None or reading.event.order_id != logged.key or partition_of(logged.key, PARTITIONS) != partition:
        return Verdict.FOREIGN
    chain, event = chains.setdefault(logged.key, []), reading.event
    version, head = chain[-1] if chain else (0, NO_PREDECESSOR)
    is_refusal = reading.refusal is not None
    verdict = judge(version, head, event.order_version, event.previous, is_refusal, partial(_links_at, chain))
    if verdict in LINKS:
        chain.append((event.order_version, logged.digest))
    return verdict


def _links_at(chain: list[tuple[int, bytes]], version: int) -> set[bytes]:
    return {digest for of, digest in chain if of == version}
