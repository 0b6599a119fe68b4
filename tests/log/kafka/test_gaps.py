"""Gaps: offsets without records at the end of a partition, as of a foreign transaction's markers."""

import asyncio
from typing import Any, cast

import pytest

from ordertrail_server.log.kafka.partition_ends import PartitionEnds

RECORDS, MARKED = 3, 5


class StubTail:
    """A tail reader that waits after the gap. A record arrives at its second poll."""

    def __init__(self) -> None:
        self.polled_offsets: list[int] = []

    def has_tail_at(self, _partition: int, offset: int) -> bool:
        return offset == MARKED

    async def wait_for_growth(self, _partition: int, end: int) -> int:
        self.polled_offsets.append(end)
        return end + 1 if len(self.polled_offsets) > 1 else end


@pytest.mark.parametrize("offset", [RECORDS, MARKED], ids=["before the gap", "behind the gap"])
async def test_wait_at_a_gap_ends_with_a_record_after_it_and_without_a_query(offset: int) -> None:
    tail, unused = StubTail(), cast("Any", None)
    ends = PartitionEnds(1, unused, unused, cast("Any", tail), unused)
    ends.advance(0, MARKED)
    ends.record_gap(0, RECORDS, MARKED)
    async with asyncio.timeout(10):
        await ends.wait(0, offset)
    assert (tail.polled_offsets, ends.known_end(0)) == ([MARKED, MARKED], MARKED + 1)
