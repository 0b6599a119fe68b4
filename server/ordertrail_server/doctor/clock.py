"""Checks the clock of this machine against the newest records of the log."""

from ordertrail_server.doctor.finding import Finding, error, ok
from ordertrail_server.doctor.record_times import read_newest_time
from ordertrail_server.log.port import Log

CLOCK = "clock"
TOLERANCE_S = 2.0


async def check_clock(log: Log, now: int) -> Finding:
    """Check that no newest record is in the future. `now` is in nanoseconds. Raises LogUnavailable, LogDamaged."""
    times = [await read_newest_time(log, partition) for partition in range(log.partitions)]
    record_times = [time for time in times if time is not None]
    if not record_times:
        return ok(CLOCK, "The log has no record to compare the clock with.")
    ahead_s = (max(record_times) - now) / 1e9
    if ahead_s > TOLERANCE_S:
        text = f"The newest record is {ahead_s:,.0f} seconds in the future of this machine's clock."
        fix = "Synchronize the clocks of all servers, for example by NTP."
        return error(CLOCK, text, fix)
    return ok(CLOCK, "No record is in the future of this machine's clock.")
