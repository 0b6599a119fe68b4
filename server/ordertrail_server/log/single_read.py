"""Reads one message of a log that is known to be there."""

from asyncio import sleep

from ordertrail_server.log.port import AppendLog, Logged, LogUnavailable

ATTEMPTS, PAUSE_S = 20, 0.05


async def read_one(log: AppendLog, partition: int, offset: int) -> Logged:
    """Return the message at an offset, which another process or an earlier read has seen.

    A leader that was replaced may not have it yet, so the read is repeated for about a second. Raises LogUnavailable,
    LogDamaged.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            await sleep(PAUSE_S)
        for message in await log.read(partition, offset, 1):
            return message
    raise LogUnavailable(f"the record at partition {partition}, offset {offset} cannot be read now")
