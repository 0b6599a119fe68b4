"""Who waits at a partition's end: what of it needs no broker."""

import asyncio

from ordertrail_server.log.kafka_ends import KafkaEnds

SOON = 10.0


async def test_who_waits_where_markers_are_known_waits_for_what_comes_behind_them() -> None:
    stood: asyncio.Queue[int] = asyncio.Queue()
    record = asyncio.Event()

    async def query(_: int) -> int:
        return 4

    async def grown(_: int, end: int) -> int:
        stood.put_nowait(end)
        await record.wait()
        return end + 1

    ends = KafkaEnds(1, query, grown)
    assert await ends.ask(0) == 4
    ends.nothing_between(0, 3, 4)
    waiting = [asyncio.ensure_future(ends.wait(0, offset)) for offset in (3, 4)]
    assert await asyncio.wait_for(stood.get(), SOON) == 4
    record.set()
    await asyncio.wait_for(asyncio.gather(*waiting), SOON)
    assert ends.known == [5]
    await ends.close()
