"""What every log promises. An adapter passes LogContract with a fixture `log`.

Where its appends are atomic it passes AtomicAppends too, and where its records outlive it, Durability, with a second
fixture: `reopen`, which closes the log and opens it again.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import cache

import pytest

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Entry, Log, Logged
from ordertrail_server.orders.chain import digest

Reopen = Callable[[], Awaitable[Log]]
SOON = 60.0  # seconds: a bound on what must happen, never a pause


@cache
def orders_of(partition: int) -> list[str]:
    """Return seven orders that live in this partition, whether the log has 1, 2 or 3."""
    orders = (f"order-{number}" for number in itertools.count())
    return list(itertools.islice((order for order in orders if partition_of(order, 6) == partition % 6), 7))


def entry(order_id: str, number: int, previous: bytes = b"") -> Entry:
    """Return a record that differs from those of other numbers."""
    return Entry(order_id, Record(event_id=f"event-{number}", order_id=order_id, previous=previous).SerializeToString())


def entries(count: int, first: int = 0, partition: int = 0) -> list[Entry]:
    orders = orders_of(partition)
    return [entry(orders[number % len(orders)], number) for number in range(first, first + count)]


def logged(appended: list[Entry], first: int = 0) -> list[Logged]:
    return [Logged(offset, key, value, digest(value)) for offset, (key, value) in enumerate(appended, first)]


class ManyPartitions:
    """What may depend on how many partitions there are."""

    async def test_a_new_log_is_empty_and_says_what_it_is(self, log: Log) -> None:
        assert len(log.identity) == 16
        assert log.topic == "orders.events"
        assert log.partitions >= 1
        assert [await log.end(partition) for partition in range(log.partitions)] == [0] * log.partitions
        assert await log.read(0, 0, 10) == []

    async def test_a_partition_that_is_not_there_is_an_error_of_the_caller(self, log: Log) -> None:
        for partition in (-1, log.partitions):
            with pytest.raises(ValueError, match="partition"):
                await log.append(partition, entries(1))
            with pytest.raises(ValueError, match="partition"):
                await log.read(partition, 0, 1)
            with pytest.raises(ValueError, match="partition"):
                await log.end(partition)

    async def test_partitions_know_nothing_of_each_other(self, log: Log) -> None:
        for partition in reversed(range(log.partitions)):
            for batch in range(partition + 1):
                await log.append(partition, entries(2, 100 * partition + 2 * batch, partition))
        for partition in range(log.partitions):
            count = 2 * (partition + 1)
            assert await log.end(partition) == count
            assert await log.read(partition, 0, 100) == logged(entries(count, 100 * partition, partition))

    async def test_who_waits_at_one_end_is_woken_by_what_comes_there_alone(self, log: Log) -> None:
        waiting = [asyncio.ensure_future(log.wait(partition, 0)) for partition in range(log.partitions)]
        for partition in reversed(range(log.partitions)):
            await log.append(partition, entries(1, 0, partition))
            await asyncio.wait_for(waiting[partition], SOON)
            assert not any(waiter.done() for waiter in waiting[:partition])


class LogContract(ManyPartitions):
    async def test_offsets_count_from_zero_without_gaps(self, log: Log) -> None:
        assert await log.append(0, entries(1)) == [0]
        assert await log.append(0, entries(3)) == [1, 2, 3]
        assert await log.append(0, entries(1)) == [4]
        assert await log.end(0) == 5

    async def test_an_append_of_nothing_changes_nothing(self, log: Log) -> None:
        assert await log.append(0, []) == []
        assert await log.end(0) == 0

    async def test_what_was_appended_is_read_back_byte_for_byte_with_its_digest(self, log: Log) -> None:
        every_byte = entry(orders_of(0)[0], 1, previous=bytes(range(256)))
        await log.append(0, [every_byte, *entries(9)])
        assert await log.read(0, 0, 100) == logged([every_byte, *entries(9)])

    @pytest.mark.parametrize("key", ["ö", "заказ №7", "注文", "📦", "with\x00nul", "k" * 128])
    async def test_any_text_is_a_key(self, log: Log, key: str) -> None:
        partition = partition_of(key, log.partitions)
        await log.append(partition, [entry(key, 1)])
        assert await log.read(partition, 0, 1) == logged([entry(key, 1)])

    async def test_a_value_may_be_empty_or_large(self, log: Log) -> None:
        appended = [BARRIER, entry(orders_of(0)[0], 1, previous=b"x" * 500_000), entry(orders_of(0)[0], 2)]
        await log.append(0, appended)
        assert await log.read(0, 0, 3) == logged(appended)

    @pytest.mark.parametrize(
        ("offset", "limit", "found"),
        [(0, 1, range(1)), (0, 4, range(4)), (3, 4, range(3, 7)), (9, 5, range(9, 10)), (0, 1000, range(10))],
    )
    async def test_a_read_begins_at_its_offset_and_ends_at_its_limit(
        self, log: Log, offset: int, limit: int, found: range
    ) -> None:
        await log.append(0, entries(10))
        assert [record.offset for record in await log.read(0, offset, limit)] == list(found)

    @pytest.mark.parametrize("offset", [10, 11, 10_000, 2**48, 2**63])
    async def test_a_read_at_or_behind_the_end_finds_nothing(self, log: Log, offset: int) -> None:
        for partition in range(log.partitions):
            await log.append(partition, entries(10, 0, partition))
        assert await log.read(0, offset, 5) == []

    @pytest.mark.parametrize(("offset", "limit"), [(-1, 1), (0, 0), (0, -1)])
    async def test_a_read_that_makes_no_sense_is_an_error_of_the_caller(
        self, log: Log, offset: int, limit: int
    ) -> None:
        with pytest.raises(ValueError, match="a read begins at"):
            await log.read(0, offset, limit)

    async def test_a_big_batch_is_read_back_whole_and_in_order(self, log: Log) -> None:
        appended = entries(10_000)
        assert await log.append(0, appended) == list(range(10_000))
        found = [record for start in range(0, 10_000, 3_000) for record in await log.read(0, start, 3_000)]
        assert found == logged(appended)

    async def test_appends_at_the_same_time_each_land_with_the_offsets_they_were_told(self, log: Log) -> None:
        batches = [entries(5, 5 * number) for number in range(20)]
        told = await asyncio.gather(*(log.append(0, batch) for batch in batches))
        value_at = {record.offset: record.value for record in await log.read(0, 0, 1000)}
        assert len(value_at) == 100
        for batch, offsets in zip(batches, told, strict=True):
            assert [value_at[offset] for offset in offsets] == [entry.value for entry in batch]
        if log.capabilities.atomic_append:
            assert all(offsets == list(range(offsets[0], offsets[0] + 5)) for offsets in told)

    async def test_waiting_for_a_record_that_is_there_returns_at_once(self, log: Log) -> None:
        await log.append(0, entries(3))
        await asyncio.wait_for(log.wait(0, 0), SOON)
        await asyncio.wait_for(log.wait(0, 2), SOON)

    async def test_all_who_wait_are_woken_by_the_append_that_they_wait_for(self, log: Log) -> None:
        waiting = [asyncio.ensure_future(log.wait(0, 0)) for _ in range(3)]
        later = asyncio.ensure_future(log.wait(0, 3))
        await asyncio.sleep(0)
        assert not any(waiter.done() for waiter in waiting)
        await log.append(0, entries(3))
        await asyncio.wait_for(asyncio.gather(*waiting), SOON)
        assert not later.done()
        await log.append(0, entries(1))
        await asyncio.wait_for(later, SOON)


class AtomicAppends:
    async def test_a_reader_beside_an_append_sees_all_of_a_batch_or_nothing(self, log: Log) -> None:
        assert log.capabilities.atomic_append
        appending = asyncio.gather(*(log.append(0, entries(50, 50 * number)) for number in range(20)))
        seen: list[Logged] = []
        while len(seen) < 1000:
            await asyncio.wait_for(log.wait(0, len(seen)), SOON)
            found = await log.read(0, len(seen), 1000)
            seen += found
            assert len(seen) % 50 == 0
        await appending
        assert seen == logged(entries(1000))

    async def test_an_append_whose_caller_gives_up_still_wakes_who_waits(self, log: Log) -> None:
        waiting = asyncio.ensure_future(log.wait(0, 0))
        appending = asyncio.ensure_future(log.append(0, entries(2)))
        await asyncio.sleep(0)
        appending.cancel()
        await asyncio.wait_for(waiting, SOON)
        assert await log.read(0, 0, 10) == logged(entries(2))
        assert await log.append(0, entries(1)) == [2]


class Durability:
    async def test_a_log_opened_again_is_the_same_log_and_holds_everything(self, log: Log, reopen: Reopen) -> None:
        for partition in range(log.partitions):
            await log.append(partition, entries(30, 100 * partition, partition))
        again = await reopen()
        assert (again.identity, again.topic, again.partitions) == (log.identity, log.topic, log.partitions)
        for partition in range(log.partitions):
            assert await again.read(partition, 0, 100) == logged(entries(30, 100 * partition, partition))
            assert await again.append(partition, entries(1, 0, partition)) == [30]
