"""The state store returns what was saved, and is rebuilt or refused if it is damaged or was built by other rules."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import RunningWriter
from tests.commands.sample_requests import ORDER, build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder
from tests.schema.upcaster_errors import UPCASTER_ERRORS, build_failing_upcaster

from ordertrail.log.v1.record_pb2 import Cause, Record
from ordertrail_server.commands.fact import Fact
from ordertrail_server.commands.fold import Fold, Snapshot, StoreDamaged
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.port import Entry, LogDamaged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.schema.registry import READERS
from ordertrail_server.storage.sqlite import sqlite3

LOG = MemoryLog(partitions=3, identity=b"the log's own id")
OTHER_LOG = MemoryLog(partitions=3, identity=b"another log's id")
DEFINITION, OTHER_DEFINITION = b"definition", b"another definition"

Open = Callable[..., StateStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    open_stores: list[StateStore] = []

    def open_store(log: MemoryLog = LOG, definition: bytes = DEFINITION) -> StateStore:
        for store in open_stores:
            store.close()
        open_stores[:] = []
        open_stores.append(StateStore(tmp_path / "state.sqlite", log, definition))
        return open_stores[0]

    yield open_store
    for store in open_stores:
        store.close()


@pytest.fixture
async def log() -> FaultyLog:
    """A log with three facts of one order and one of another."""
    log = FaultyLog()
    async with RunningWriter(log) as server:
        await server.handle(
            build_place_order(),
            build_change_quantity("change", 2),
            build_confirm_order(),
            build_place_order("other", "order-2"),
        )
    return log


async def fold_log(log: FaultyLog, store: StateStore) -> Fold:
    fold = Fold(log, 0, store)
    await fold.catch_up()
    return fold


def collect_state(fold: Fold) -> list[object]:
    requests = [(ORDER, "place"), (ORDER, "change"), (ORDER, "confirm"), ("order-2", "other"), (ORDER, "never")]
    receipts = [fold.receipt(*request) for request in requests]
    return [fold.position, fold.aggregate(ORDER), fold.aggregate("order-2"), fold.aggregate("order-3"), *receipts]


async def test_new_store_is_at_offset_0_and_empty(open_store: Open) -> None:
    store = open_store()
    assert store.position(0) == (0, b"")
    assert store.aggregate(ORDER) is None
    assert store.receipt(ORDER, "place") is None
    assert store.digest_of(ORDER, 1) is None


async def test_saved_state_is_read_back_when_file_is_opened(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    store.save(0, fold.snapshot())
    state = collect_state(fold)
    store = open_store()
    digests = [logged.digest for logged in log.records[0]]
    assert collect_state(Fold(log, 0, store)) == state
    assert store.position(0) == (4, digests[3])
    assert [store.digest_of(ORDER, version) for version in (1, 2, 3, 4)] == [*digests[:3], None]


async def test_fold_answers_the_same_during_and_after_a_save(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    state = collect_state(fold)
    snapshot = fold.snapshot()
    assert collect_state(fold) == state
    store.save(0, snapshot)
    fold.saved()
    assert collect_state(fold) == state
    assert fold.unsaved == 0


async def test_position_after_records_without_effect_is_saved(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    store.save(0, fold.snapshot())
    fold.saved()
    await log.append(0, [Entry("no-order", b"\xff")] * 3)
    await fold.catch_up()
    assert fold.unsaved == 3
    store.save(0, fold.snapshot())
    assert open_store().position(0)[0] == 7


async def test_snapshot_is_returned_again_until_it_is_saved(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    first = fold.snapshot()
    assert fold.snapshot() is first
    store.save(0, first)
    fold.saved()
    assert fold.snapshot() is not first


async def test_first_of_several_facts_of_a_request_is_its_receipt(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    first = fold.receipt(ORDER, "confirm")
    newest = Record.FromString(log.records[0][2].value)
    newest.order_version, newest.previous = 4, log.records[0][2].digest
    log.land(0, Entry(ORDER, newest.SerializeToString()))  # as a writer without receipts does
    store.save(0, fold.snapshot())
    fold.saved()
    await fold.catch_up()
    assert fold.aggregate(ORDER).version == 4
    assert fold.receipt(ORDER, "confirm") == first


async def test_failed_save_changes_nothing(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fact = Fact(1, b"digest", "request", b"command", 0, 0)
    duplicate = Snapshot(7, b"digest", {ORDER: Aggregate(None, 1, b"digest", "")}, [(ORDER, fact), (ORDER, fact)])
    with pytest.raises(sqlite3.IntegrityError):
        store.save(0, duplicate)
    assert store.position(0) == (0, b"")
    assert store.aggregate(ORDER) is None
    store.save(0, (await fold_log(log, store)).snapshot())
    assert store.position(0)[0] == 4


async def test_parked_order_is_read_back_as_parked(open_store: Open) -> None:
    store = open_store()
    parked = Aggregate(None, 2, b"head", "its chain is broken at offset 9")
    store.save(0, Snapshot(10, b"last", {ORDER: parked}))
    assert open_store().aggregate(ORDER) == parked


@pytest.mark.parametrize("error", UPCASTER_ERRORS.values(), ids=UPCASTER_ERRORS)
async def test_order_parked_by_upcaster_is_read_back_with_any_error_text(
    open_store: Open, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    builder, log = LogBuilder(), FaultyLog()
    builder.add_statement(ORDER)
    log.land(0, builder.records[0][0])
    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=build_failing_upcaster(error)))
    store = open_store()
    fold = await fold_log(log, store)
    parked = fold.aggregate(ORDER)
    assert parked.parked
    store.save(0, fold.snapshot())
    assert open_store().aggregate(ORDER) == parked


async def test_each_partition_has_its_own_position(open_store: Open) -> None:
    store = open_store()
    store.save(0, Snapshot(10, b"zero"))
    store.save(2, Snapshot(5, b"two"))
    assert [open_store().position(partition) for partition in range(3)] == [(10, b"zero"), (0, b""), (5, b"two")]


async def test_store_of_another_definition_is_rebuilt(log: FaultyLog, open_store: Open) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    store.save(0, fold.snapshot())
    state = collect_state(fold)
    rebuilt = open_store(definition=OTHER_DEFINITION)
    assert rebuilt.position(0) == (0, b"")
    assert collect_state(await fold_log(log, rebuilt)) == state


async def test_store_of_another_log_is_refused_and_unchanged(open_store: Open, tmp_path: Path) -> None:
    open_store().save(0, Snapshot(10, b"zero"))
    with pytest.raises(LogDamaged, match=r"state\.sqlite belongs to another log"):
        open_store(OTHER_LOG)
    with pytest.raises(LogDamaged, match=r"state\.sqlite belongs to another log"):
        open_store(OTHER_LOG, OTHER_DEFINITION)
    assert open_store().position(0) == (10, b"zero")


@pytest.mark.parametrize("partitions", [2, 4])
async def test_store_with_another_partition_count_is_refused_and_unchanged(open_store: Open, partitions: int) -> None:
    open_store().save(0, Snapshot(10, b"zero"))
    with pytest.raises(LogDamaged, match=rf"from 3 partitions, and the topic orders\.events has {partitions}:"):
        open_store(MemoryLog(partitions=partitions, identity=LOG.identity))
    assert open_store().position(0) == (10, b"zero")


def overwrite(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(content)

    return damage


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def flip_bit_of_schema(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE", b"CREATE TABL\xc5", 1))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(overwrite(b""), id="empty"),
        pytest.param(overwrite(b"no database at all" * 1000), id="another format"),
        pytest.param(truncate, id="truncated"),
        pytest.param(flip_bit_of_schema, id="a flipped bit in the schema"),
        pytest.param(Path.unlink, id="deleted"),
    ],
)
async def test_lost_or_damaged_file_is_rebuilt_to_same_state(
    log: FaultyLog, open_store: Open, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store = open_store()
    fold = await fold_log(log, store)
    store.save(0, fold.snapshot())
    state = collect_state(fold)
    store.close()
    damage(tmp_path / "state.sqlite")
    assert collect_state(await fold_log(log, open_store())) == state


async def test_file_damaged_in_the_middle_is_reported_and_removed(log: FaultyLog, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    store = StateStore(path, LOG, DEFINITION)
    store.save(0, (await fold_log(log, store)).snapshot())
    store.close()
    whole = path.read_bytes()
    intact_size = 3 * int.from_bytes(whole[16:18])  # the first pages: the schema, meta and positions
    path.write_bytes(whole[:intact_size] + b"\xff" * (len(whole) - intact_size))
    store = StateStore(path, LOG, DEFINITION)
    with pytest.raises(StoreDamaged, match="fold it again"):
        collect_state(Fold(log, 0, store))
    store.close()
    assert not path.exists()


async def test_record_with_extreme_time_can_be_stored(open_store: Open) -> None:
    log = FaultyLog()
    record = Record(
        order_id=ORDER, order_version=1, record_time=Timestamp(seconds=1 << 60), cause=Cause(request_id="r")
    )
    record.order_confirmed_v2.SetInParent()
    log.land(0, Entry(ORDER, record.SerializeToString()))
    store = open_store()
    store.save(0, (await fold_log(log, store)).snapshot())
    assert open_store().receipt(ORDER, "r") is not None
