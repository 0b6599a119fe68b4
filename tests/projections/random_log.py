"""Random logs of several orders, with correct and incorrect records, and their verdicts by the chain rule."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st
from tests.log.memory import MemoryLog
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.chain import NO_PREDECESSOR, Verdict, judge
from ordertrail_server.projections.projector import Projector
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


STEPS: list[Callable[[LogBuilder, str], None]] = [
    *(_append_next_fact,) * 6,
    *(_begin_order, _append_repeated, _append_repeated, _append_late),
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
    log = MemoryLog(partitions=PARTITIONS)
    for partition, entries in enumerate(builder.records):
        await log.append(partition, entries)
    return log


def compute_verdicts(log: MemoryLog) -> list[tuple[int, str]]:
    """Return the position and verdict of every record, judged over plain lists of facts."""
    verdicts = []
    facts: dict[str, list[bytes]] = {}
    for partition, records in enumerate(log.records):
        for logged in records:
            if (logged.key, logged.value) == BARRIER:
                verdicts.append((LogPosition(partition, logged.offset).pack(), "barrier"))
                continue
            reading = read(logged.value)
            home = partition_of(logged.key, PARTITIONS)
            if reading is None or reading.event.order_id != logged.key or home != partition:
                verdicts.append((LogPosition(partition, logged.offset).pack(), "foreign"))
                continue
            chain = facts.setdefault(logged.key, [])
            event, head = reading.event, chain[-1] if chain else NO_PREDECESSOR
            verdict = judge(len(chain), head, event.order_version, event.previous, _digest_in(chain))
            if verdict is Verdict.FACT:
                chain.append(logged.digest)
            verdicts.append((LogPosition(partition, logged.offset).pack(), verdict.value))
    return verdicts


def _digest_in(chain: list[bytes]) -> Callable[[int], bytes | None]:
    return lambda version: chain[version - 1]


async def project(log: MemoryLog, path: Path, batch: int, hot_orders: int) -> None:
    projector = await Projector.open(log, path, batch, hot_orders)
    try:
        await projector.catch_up()
    finally:
        projector.close()
