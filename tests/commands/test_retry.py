"""The retry of a parked order by the write side leads to the same state as a first fold that could read everything."""

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.commands.running_handler import handle, run_handler
from tests.commands.running_writer import require_accepted, require_refusal_reason
from tests.commands.sample_requests import ORDER, build_change_quantity, build_confirm_order, build_place_order
from tests.commands.simulation.snapshot_store import NoSnapshot
from tests.log.memory import MemoryLog
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, write_log
from tests.projections.older_release import hide_events
from tests.projections.random_log import ORDER_IDS, PARTITIONS, LogSteps, build_log, log_steps

from ordertrail_server.commands.fold import Fold, SnapshotStore
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Logged, LogUnavailable
from ordertrail_server.schema.reading import read

EVENTS = ["order_placed", "order_line_added", "order_line_removed", "order_confirmed"]


def collect_state(folds: list[Fold], log: MemoryLog) -> list[object]:
    """Return all orders and receipts of a log, each from the fold of its partition."""
    readings = [read(logged.value) for records in log.records for logged in records]
    requests = {(r.event.order_id, r.event.cause.request_id) for r in readings if r is not None}
    home = {order_id: folds[partition_of(order_id, PARTITIONS)] for order_id in ORDER_IDS}
    orders = [home[order_id].aggregate(order_id) for order_id in ORDER_IDS]
    return [orders, [home[order_id].receipt(order_id, request_id) for order_id, request_id in sorted(requests)]]


async def state_of_fresh_fold(log: MemoryLog) -> list[object]:
    folds = [Fold(log, partition, NoSnapshot()) for partition in range(PARTITIONS)]
    for fold in folds:
        await fold.catch_up()
    return collect_state(folds, log)


async def fold_with_crashes(log: MemoryLog, partition: int, store: StateStore, random: Random) -> Fold:
    """Fold a partition with random snapshots and crashes."""
    fold = Fold(log, partition, store, hot_bytes=random.choice([0, 100_000]))
    for logged in log.records[partition]:
        if logged.offset >= fold.position:  # a fold that caught up may be further
            fold.take(logged)
        if random.random() < 0.2:
            store.save(partition, fold.snapshot())
            fold.saved()
        if random.random() < 0.1:
            fold = Fold(log, partition, store)
            await fold.catch_up(max(fold.position, logged.offset + 1))
    return fold


@settings(max_examples=60)
@given(log_steps, st.sets(st.sampled_from(EVENTS)), st.integers(0, 1_000_000))
def test_retry_folds_unknown_events_as_if_they_had_been_known_at_first(
    steps: LogSteps, unknown: set[str], seed: int
) -> None:
    async def compare(directory: Path) -> None:
        log, random = await build_log(steps), Random(seed)
        store = StateStore(directory / "state.sqlite", log, b"rules")
        with hide_events(*unknown):
            folds = [await fold_with_crashes(log, partition, store, random) for partition in range(PARTITIONS)]
        for order_id in ORDER_IDS:
            await folds[partition_of(order_id, PARTITIONS)].retry(order_id)
        for partition, fold in enumerate(folds):
            store.save(partition, fold.snapshot())
            fold.saved()
        assert collect_state(folds, log) == await state_of_fresh_fold(log)
        store.close()
        store = StateStore(directory / "state.sqlite", log, b"rules")
        reopened = [Fold(log, partition, store) for partition in range(PARTITIONS)]
        assert collect_state(reopened, log) == await state_of_fresh_fold(log)
        store.close()

    with TemporaryDirectory() as directory:
        asyncio.run(compare(Path(directory)))


async def test_command_on_unparked_order_is_decided_on_all_its_facts(tmp_path: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), tmp_path / "state.sqlite") as handler:
        await handle(handler, [build_place_order(), build_change_quantity("change", 2)])
    (tmp_path / "state.sqlite").unlink()
    with hide_events("order_line_quantity_changed"):
        log = EmbeddedLog.open(tmp_path)
        async with run_handler(log, tmp_path / "state.sqlite") as handler:
            [refused, replayed] = await handle(handler, [build_confirm_order(), build_change_quantity("change", 2)])
            assert (require_refusal_reason(refused), require_accepted(replayed).replayed) == ("ORDER_PARKED", True)
            parked_again = await handler.retry(ORDER)
            assert parked_again is not None
            assert parked_again.parked
    async with run_handler(EmbeddedLog.open(tmp_path), tmp_path / "state.sqlite") as handler:
        [refused] = await handle(
            handler, [build_confirm_order()]
        )  # the same store; a parked order is not retried automatically
        assert require_refusal_reason(refused) == "ORDER_PARKED"
        unparked = await handler.retry(ORDER)
        assert unparked is not None
        assert not unparked.parked
        [confirmed] = await handle(handler, [build_confirm_order()])
        assert require_accepted(confirmed).fact.version == 3
        assert await handler.retry(ORDER) is None


async def park_order_in_older_release(directory: Path) -> None:
    """Create an order and a change, and a state store of a release that cannot read the change."""
    builder = LogBuilder()
    builder.add_fact(ORDER, PLACED)
    builder.add_fact(ORDER, PLUM_ADDED)
    await asyncio.to_thread(write_log, directory, builder.records[0])
    with hide_events("order_line_added"):
        async with run_handler(EmbeddedLog.open(directory), directory / "state.sqlite"):
            pass


async def test_unparked_order_stays_unparked_after_crash(tmp_path: Path) -> None:
    await park_order_in_older_release(tmp_path)
    log = EmbeddedLog.open(tmp_path)
    async with run_handler(log, tmp_path / "state.sqlite") as handler:
        await handler.retry(ORDER)
        after_a_crash = StateStore(tmp_path / "state.sqlite", log, b"rules")
        stored = after_a_crash.aggregate(ORDER)
        after_a_crash.close()
    assert stored is not None
    assert (stored.parked, stored.version, stored.order and stored.order.version) == ("", 2, 2)


async def test_retry_is_stored_once_even_if_caller_cancels(tmp_path: Path) -> None:
    await park_order_in_older_release(tmp_path)
    log = EmbeddedLog.open(tmp_path)
    async with run_handler(log, tmp_path / "state.sqlite") as handler:
        await handle(handler, [build_place_order("another", "another")])
        retrying = asyncio.ensure_future(handler.retry(ORDER))
        while not handler._saver._lock.locked():  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(0)
        retrying.cancel()
        await asyncio.wait([retrying])
        await handle(handler, [build_place_order("a third", "a third")])
    stored = StateStore(tmp_path / "state.sqlite", log, b"rules")
    unparked = stored.aggregate(ORDER)
    assert unparked is not None
    assert (stored.position(0)[0], unparked.parked) == (4, "")
    stored.close()


class GrowingLog(MemoryLog):
    """A log that gets a further record whenever a single one is read, until `later_records` is empty."""

    def __init__(self) -> None:
        super().__init__()
        self.later_records: list[Logged] = []
        self.fold: Fold | None = None
        self.unreachable = False

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if self.unreachable:
            raise LogUnavailable
        if limit == 1 and self.later_records and self.fold is not None:
            self.records[0].append(self.later_records[0])
            self.fold.take(self.later_records.pop(0))
        return await super().read(partition, offset, limit)


@pytest.fixture
async def growing() -> GrowingLog:
    """A log with two facts of an order and two later records."""
    builder, log = LogBuilder(), GrowingLog()
    for event in (PLACED, PLUM_ADDED, CONFIRMED):
        builder.add_fact("order-0", event)
    builder.add_broken_record("order-0")
    await log.append(0, builder.records[0])
    log.later_records = log.records[0][2:]
    del log.records[0][2:]
    return log


async def fold_with_parked_order(log: MemoryLog, store: SnapshotStore) -> Fold:
    fold = Fold(log, 0, store)
    with hide_events("order_line_added"):
        await fold.catch_up()
    return fold


async def test_facts_appended_during_a_retry_are_folded(growing: GrowingLog) -> None:
    growing.fold = fold = await fold_with_parked_order(growing, NoSnapshot())
    after = await fold.retry("order-0")
    assert after is not None
    assert (after.version, after.parked) == (3, "its chain is broken at offset 3")
    fresh = Fold(growing, 0, NoSnapshot())
    await fresh.catch_up()
    assert after == fresh.aggregate("order-0") == fold.aggregate("order-0")


async def test_retry_that_cannot_reach_log_changes_nothing(growing: GrowingLog) -> None:
    fold = await fold_with_parked_order(growing, NoSnapshot())
    before = fold.aggregate("order-0")
    growing.unreachable = True
    with pytest.raises(LogUnavailable):
        await fold.retry("order-0")
    assert fold.aggregate("order-0") == before
    growing.unreachable = False
    after = await fold.retry("order-0")
    assert after is not None
    assert (after.version, after.parked) == (2, "")


async def test_retry_of_order_that_is_not_parked_changes_nothing(growing: GrowingLog) -> None:
    fold = Fold(growing, 0, NoSnapshot())
    await fold.catch_up()
    growing.unreachable = True
    assert (await fold.retry("order-0"), await fold.retry("order-9")) == (None, None)
