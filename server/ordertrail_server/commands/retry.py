"""Folds the unfolded facts of a parked order again from the log."""

from collections.abc import Callable
from typing import NamedTuple

from ordertrail_server.commands.fact import Fact, fact_of
from ordertrail_server.log.port import Log, LogDamaged, Logged
from ordertrail_server.orders.aggregate import Aggregate, advance
from ordertrail_server.orders.chain import Verdict, judge
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.reading import read


class RefoldedOrder(NamedTuple):
    """The refolded order, and the facts whose time changed: a parked order's fact has the time of its record."""

    order: Aggregate
    corrected: list[Fact]


async def refold_order(log: Log, partition: int, before: Aggregate, offsets: Callable[[], list[int]]) -> RefoldedOrder:
    """Fold the order's records at `offsets` onto `before`. `offsets` is called again until it returns no new ones.

    Raises LogDamaged, LogUnavailable.
    """
    order, corrected, folded_count = before, list[Fact](), 0
    while new_offsets := offsets()[folded_count:]:
        for offset in new_offsets:
            for logged in await log.read(partition, offset, 1):
                order = _fold_record(order, logged, corrected)
        folded_count += len(new_offsets)
    return RefoldedOrder(order, corrected)


def _fold_record(order: Aggregate, logged: Logged, corrected: list[Fact]) -> Aggregate:
    reading = read(logged.value)
    if reading is None:
        raise LogDamaged(f"the record at offset {logged.offset} was a fact, but can no longer be read")
    event = reading.event
    # The offsets are those of facts and broken records, so the verdict does not depend on older digests.
    verdict = judge(order.version, order.head, event.order_version, event.previous, lambda version: None)
    if verdict is not Verdict.FACT:
        return order._replace(parked=order.parked or f"its chain is broken at offset {logged.offset}")
    after = advance(order, event, reading.fault, logged.digest)
    fact = fact_of(event, after, logged.digest, logged.offset)
    if fact.time != nanoseconds(event.record_time):
        corrected.append(fact)
    return after
