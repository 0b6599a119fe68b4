"""When the records of a log were written."""

from ordertrail_server.log.port import Log
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.schema.reading import read

LAST = 10
"""How many offsets from the end on are searched for a record; transaction markers of others take offsets too."""


async def read_newest_time(log: Log, partition: int) -> int | None:
    """Return the record time of the newest readable record of a partition, in nanoseconds; None if there is none."""
    begin = max(0, await log.end(partition) - LAST)
    readings = [read(logged.value) for logged in await log.read(partition, begin, LAST)]
    times = [nanoseconds(reading.event.record_time) for reading in readings if reading is not None]
    return times[-1] if times else None


async def find_offset_at(log: Log, partition: int, time: int) -> int:
    """Return the offset of the first record that is not older than a time, by a binary search.

    Times may go back a little from record to record, so the result is approximate.
    """
    low, high = 0, await log.end(partition)
    while low < high:
        middle = (low + high) // 2
        if await _is_older(log, partition, middle, time):
            low = middle + 1
        else:
            high = middle
    return low


async def _is_older(log: Log, partition: int, offset: int, time: int) -> bool:
    for logged in await log.read(partition, offset, 1):
        reading = read(logged.value)
        return reading is not None and nanoseconds(reading.event.record_time) < time
    return False
