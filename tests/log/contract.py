"""The contract of every log. Each adapter runs LogContract with a fixture `log`.

An adapter with atomic appends also runs AtomicAppends. An adapter whose records outlive the process also runs
Durability, with a second fixture `reopen`, which closes the log and opens it again.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import cache

import pytest

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, AppendLog, Entry, Logged
from ordertrail_server.orders.chain import digest

Reopen = Callable[[], Awaitable[AppendLog]]
SOON = 60.0  # seconds: a limit for something that must happen, never a pause


@cache
def find_orders_of_partition(partition: int) -> list[str]:
    """Return seven orders whose partition is this one, whether the log has 1, 2 or 3 partitions."""
    orders = (f"order-{number}" for number in itertools.count())
    return list(itertools.islice((order for order in orders if partition_of(order, 6) == partition % 6), 7))


def build_entry(order_id: str, number: int, previous: bytes = b"") -> Entry:
    """Return a record that differs from those of other numbers."""
    return Entry(order_id, Record(event_id=f"event-{number}", order_id=order_id, previous=previous).SerializeToString())


def build_entries(count: int, first: int = 0, partition: int = 0) -> list[Entry]:
    orders = find_orders_of_partition(partition)
    return [build_entry(orders[number % len(orders)], number) for number in range(first, first + count)]


def build_logged_records(appended: list[Entry], first: int = 0) -> list[Logged]:
    return [Logged(offset, key, value, digest(value)) for offset, (key, value) in enumerate(appended, first)]


class ManyPartitions:
    """The part of the contract that may depend on the number of partitions."""

    topic = "orders.events"

    async def test_new_log_is_empty_and_has_an_identity(self, log: AppendLog) -> None:
        assert len(log.identity) == 16
        assert log.lineage == (log.identity, log.partitions, ())
        assert log.topic == self.topic
        assert log.partitions >= 1
        assert [await log.end(partition) for partition in range(log.partitions)] == [0] * log.partitions
        assert await log.read(0, 0, 10) == []

    async def test_unknown_partition_raises_value_error(self, log: AppendLog) -> None:
        for partition in (-1, log.partitions):
            with pytest.raises(ValueError, match="partition"):
                await log.append(partition, build_entries(1))
            with pytest.raises(ValueError, match="partition"):
                await log.read(partition, 0, 1)
            with pytest.raises(ValueError, match="partition"):
                await log.end(partition)

    async def test_partitions_are_independent(self, log: AppendLog) -> None:
        for partition in reversed(range(log.partitions)):
            for batch in range(partition + 1):
                await log.append(partition, build_entries(2, 100 * partition + 2 * batch, partition))
        for partition in range(log.partitions):
            count = 2 * (partition + 1)
            assert await log.end(partition) == count
            assert await log.read(partition, 0, 100) == build_logged_records(
                build_entries(count, 100 * partition, partition)
            )

    async def test_wait_ends_only_with_a_record_in_its_own_partition(self, log: AppendLog) -> None:
        wait_task = [asyncio.ensure_future(log.wait(partition, 0)) for partition in range(log.partitions)]
        for partition in reversed(range(log.partitions)):
            await log.append(partition, build_entries(1, 0, partition))
            await asyncio.wait_for(wait_task[partition], SOON)
            assert not any(waiter.done() for waiter in wait_task[:partition])


class LogContract(ManyPartitions):
    async def test_offsets_count_from_zero_without_gaps(self, log: AppendLog) -> None:
        assert await log.append(0, build_entries(1)) == [0]
        assert await log.append(0, build_entries(3)) == [1, 2, 3]
        assert await log.append(0, build_entries(1)) == [4]
        assert await log.end(0) == 5

    async def test_append_of_no_entries_changes_nothing(self, log: AppendLog) -> None:
        assert await log.append(0, []) == []
        assert await log.end(0) == 0

    async def test_read_returns_appended_bytes_and_their_digest(self, log: AppendLog) -> None:
        every_byte = build_entry(find_orders_of_partition(0)[0], 1, previous=bytes(range(256)))
        await log.append(0, [every_byte, *build_entries(9)])
        assert await log.read(0, 0, 100) == build_logged_records([every_byte, *build_entries(9)])

    @pytest.mark.parametrize("key", ["ö", "заказ №7", "注文", "📦", "with\x00nul", "k" * 128])
    async def test_key_may_be_any_text(self, log: AppendLog, key: str) -> None:
        partition = partition_of(key, log.partitions)
        await log.append(partition, [build_entry(key, 1)])
        assert await log.read(partition, 0, 1) == build_logged_records([build_entry(key, 1)])

    async def test_value_may_be_empty_or_large(self, log: AppendLog) -> None:
        appended = [
            BARRIER,
            build_entry(find_orders_of_partition(0)[0], 1, previous=b"x" * 500_000),
            build_entry(find_orders_of_partition(0)[0], 2),
        ]
        await log.append(0, appended)
        assert await log.read(0, 0, 3) == build_logged_records(appended)

    @pytest.mark.parametrize(
        ("offset", "limit", "expected"),
        [(0, 1, range(1)), (0, 4, range(4)), (3, 4, range(3, 7)), (9, 5, range(9, 10)), (0, 1000, range(10))],
    )
    async def test_read_begins_at_its_offset_and_ends_at_its_limit(
        self, log: AppendLog, offset: int, limit: int, expected: range
    ) -> None:
        await log.append(0, build_entries(10))
        assert [record.offset for record in await log.read(0, offset, limit)] == list(expected)

    @pytest.mark.parametrize("offset", [10, 11, 10_000, 2**48, 2**63])
    async def test_read_at_or_after_the_end_returns_nothing(self, log: AppendLog, offset: int) -> None:
        for partition in range(log.partitions):
            await log.append(partition, build_entries(10, 0, partition))
        assert await log.read(0, offset, 5) == []

    @pytest.mark.parametrize(("offset", "limit"), [(-1, 1), (0, 0), (0, -1)])
    async def test_read_with_negative_offset_or_no_limit_raises_value_error(
        self, log: AppendLog, offset: int, limit: int
    ) -> None:
        with pytest.raises(ValueError, match="a read begins at"):
            await log.read(0, offset, limit)

    async def test_large_batch_is_read_back_whole_and_in_order(self, log: AppendLog) -> None:
        appended = build_entries(10_000)
        assert await log.append(0, appended) == list(range(10_000))
        records = [record for start in range(0, 10_000, 3_000) for record in await log.read(0, start, 3_000)]
        assert records == build_logged_records(appended)

    async def test_concurrent_appends_return_the_offsets_of_their_records(self, log: AppendLog) -> None:
        batches = [build_entries(5, 5 * number) for number in range(20)]
        returned = await asyncio.gather(*(log.append(0, batch) for batch in batches))
        value_at = {record.offset: record.value for record in await log.read(0, 0, 1000)}
        assert len(value_at) == 100
        for batch, offsets in zip(batches, returned, strict=True):
            assert [value_at[offset] for offset in offsets] == [entry.value for entry in batch]
        if log.capabilities.atomic_append:
            assert all(offsets == list(range(offsets[0], offsets[0] + 5)) for offsets in returned)

    async def test_wait_for_an_existing_record_returns_at_once(self, log: AppendLog) -> None:
        await log.append(0, build_entries(3))
        await asyncio.wait_for(log.wait(0, 0), SOON)
        await asyncio.wait_for(log.wait(0, 2), SOON)

    async def test_append_wakes_all_calls_that_wait_for_it(self, log: AppendLog) -> None:
        wait_task = [asyncio.ensure_future(log.wait(0, 0)) for _ in range(3)]
        later = asyncio.ensure_future(log.wait(0, 3))
        await asyncio.sleep(0)
        assert not any(waiter.done() for waiter in wait_task)
        await log.append(0, build_entries(3))
        await asyncio.wait_for(asyncio.gather(*wait_task), SOON)
        assert not later.done()
        await log.append(0, build_entries(1))
        await asyncio.wait_for(later, SOON)


class AtomicAppends:
    async def test_read_during_an_append_returns_all_of_a_batch_or_nothing(self, log: AppendLog) -> None:
        assert log.capabilities.atomic_append
        appending = asyncio.gather(*(log.append(0, build_entries(50, 50 * number)) for number in range(20)))
        records: list[Logged] = []
        while len(records) < 1000:
            await asyncio.wait_for(log.wait(0, len(records)), SOON)
            records += await log.read(0, len(records), 1000)
            assert len(records) % 50 == 0
        await appending
        assert records == build_logged_records(build_entries(1000))

    async def test_cancelled_append_still_wakes_waiting_calls(self, log: AppendLog) -> None:
        wait_task = asyncio.ensure_future(log.wait(0, 0))
        append_task = asyncio.ensure_future(log.append(0, build_entries(2)))
        await asyncio.sleep(0)
        append_task.cancel()
        await asyncio.wait_for(wait_task, SOON)
        assert await log.read(0, 0, 10) == build_logged_records(build_entries(2))
        assert await log.append(0, build_entries(1)) == [2]


class Durability:
    async def test_reopened_log_has_the_same_identity_and_records(self, log: AppendLog, reopen: Reopen) -> None:
        for partition in range(log.partitions):
            await log.append(partition, build_entries(30, 100 * partition, partition))
        reopened_log = await reopen()
        assert (reopened_log.identity, reopened_log.topic, reopened_log.partitions) == (
            log.identity,
            log.topic,
            log.partitions,
        )
        for partition in range(log.partitions):
            assert await reopened_log.read(partition, 0, 100) == build_logged_records(
                build_entries(30, 100 * partition, partition)
            )
            assert await reopened_log.append(partition, build_entries(1, 0, partition)) == [30]
