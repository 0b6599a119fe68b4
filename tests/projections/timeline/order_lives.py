"""The states of orders after each of their facts, folded from the records of a log one by one."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from tests.log.memory import MemoryLog

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.evolve import evolve
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.reading import read


class OrderVersion(NamedTuple):
    """An order after one fact."""

    position: LogPosition
    event: HistoryEvent
    order: Order

    @property
    def time(self) -> int:
        return nanoseconds(self.order.update_time)


Lives = dict[str, list[OrderVersion]]


def fold_lives(log: MemoryLog) -> Lives:
    """Return the versions of each order, up to its first fact that cannot be folded."""
    lives: defaultdict[str, list[OrderVersion]] = defaultdict(list)
    parked: set[str] = set()
    for position, event in _read_events(log):
        life = lives[event.order_id]
        try:
            order = evolve(life[-1].order if life else None, event)
        except ValueError:
            parked.add(event.order_id)
        if event.order_id not in parked:
            life.append(OrderVersion(position, event, order))
    return lives


def find_version(life: list[OrderVersion], time: int) -> OrderVersion:
    """Return the order as of a time."""
    return [version for version in life if version.time <= time][-1]


def _read_events(log: MemoryLog) -> Iterator[tuple[LogPosition, HistoryEvent]]:
    for partition, records in enumerate(log.records):
        for logged in records:
            reading = read(logged.value)
            assert reading is not None
            yield LogPosition(partition, logged.offset), reading.event
