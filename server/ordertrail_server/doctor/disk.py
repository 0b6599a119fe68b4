"""Checks the free space on the disk of a data directory, and forecasts when it will be full."""

import os
from pathlib import Path
from shutil import disk_usage

from ordertrail_server.doctor.directory import list_paths
from ordertrail_server.doctor.finding import Finding, error, ok, warning
from ordertrail_server.doctor.record_times import find_offset_at
from ordertrail_server.log.port import Log

DISK = "disk"
LEAST_BYTES = 1 << 30
MIN_RECORDS = 100
"""With fewer records in the period, there is no forecast."""

DAY_NS = 24 * 3600 * 1_000_000_000
PERIOD_NS = 7 * DAY_NS
SHORTEST_NS = DAY_NS // 24
FIX = "Extend the disk, or drop old generations: ordertrail projections list, and drop."


def check_space(data: Path, least_bytes: int = LEAST_BYTES) -> Finding:
    """Check that the disk is not almost full."""
    free = disk_usage(_existing(data)).free
    if free < least_bytes:
        return error(
            DISK, f"The disk of {data} has {_mebibytes(free)} left; commands are refused once it is full.", FIX
        )
    return ok(DISK, f"The disk of {data} has {_mebibytes(free)} left.")


async def forecast_space(log: Log, data: Path, now: int, warn_days: float) -> Finding:
    """Forecast when the disk is full, from the records of the last week and the bytes that a record takes here.

    `now` is in nanoseconds. Raises LogUnavailable, LogDamaged.
    """
    partitions = range(log.partitions)
    record_count = sum([await log.end(partition) for partition in partitions])
    before = sum([await find_offset_at(log, partition, now - PERIOD_NS) for partition in partitions])
    recent_count = record_count - before
    size = sum(map(_size_of, list_paths(data)))
    if recent_count < MIN_RECORDS or size == 0:
        return ok(DISK, f"The log grew by {recent_count} records in a week, too few for a forecast.")
    begin = await _find_begin(log, now) if before == 0 else now - PERIOD_NS
    per_day = recent_count * DAY_NS / max(now - begin, SHORTEST_NS)
    days = disk_usage(_existing(data)).free / (per_day * size / record_count)
    return _judge(data, days, warn_days)


def _judge(data: Path, days: float, warn_days: float) -> Finding:
    text = f"As the log grew in the last week, the disk of {data} will be full in {days:,.0f} days."
    return warning(DISK, text, FIX) if days < warn_days else ok(DISK, text)


async def _find_begin(log: Log, now: int) -> int:
    """Return about when a log began that is younger than the period."""
    low, high = now - PERIOD_NS, now
    while high - low > SHORTEST_NS // 2:
        middle = (low + high) // 2
        offsets = [await find_offset_at(log, partition, middle) for partition in range(log.partitions)]
        low, high = (middle, high) if not any(offsets) else (low, middle)
    return low


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if os.path.isdir(folder))


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # it was just removed
        return 0


def _mebibytes(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MiB"
