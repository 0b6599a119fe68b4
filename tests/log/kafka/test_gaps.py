"""Where a partition ends in markers of a foreign transaction, which are offsets without records."""

import asyncio

import pytest

from ordertrail_server.log.kafka.ends import KafkaEnds

RECORDS, MARKED = 3, 5


@pytest.mark.parametrize("offset", [RECORDS, MARKED], ids=["before", "behind"])
async def test_whoever_waits_at_a_gap_is_told_by_the_reader_that_stands_behind_it(offset: int) -> None:
    looked_from = []

    async def grown(_partition: int, end: int) -> int:
        looked_from.append(end)
        return end + 1 if len(looked_from) > 1 else end  # at first nothing comes within the moment that it waits

    async def end(_partition: int, _known: int) -> int:
        return MARKED

    ends = KafkaEnds(1, end, grown)
    ends.advance(0, MARKED)
    ends.record_gap(0, RECORDS, MARKED)
    async with asyncio.timeout(10):
        await ends.wait(0, offset)
    assert (looked_from, ends.known_ends) == ([MARKED, MARKED], [MARKED + 1])
