"""The command side reads the file of the projection `orders`, and reports damage instead of answering from it."""

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import RunningWriter
from tests.commands.sample_requests import ORDER, build_change_quantity, build_confirm_order, build_place_order
from tests.commands.simulation.order_stores import FileStore, MemoryStore, open_file_store
from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder
from tests.schema.upcaster_errors import UPCASTER_ERRORS, build_failing_upcaster

from ordertrail.log.v1.record_pb2 import Cause, Record
from ordertrail_server.commands.fold import Fold, OrderStore, StoreDamaged, StoreUnavailable
from ordertrail_server.commands.order_store import ProjectedOrders
from ordertrail_server.facts.link import request_key
from ordertrail_server.log.port import Entry
from ordertrail_server.projections.orders.order_reader import OrderReader
from ordertrail_server.schema.registry import READERS


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


@pytest.fixture
async def store(log: FaultyLog, tmp_path: Path) -> AsyncIterator[FileStore]:
    """The file of the projection, without any record."""
    store = await open_file_store(tmp_path / "orders.sqlite", log)
    yield store
    store.close()


def project(store: FileStore | MemoryStore, log: MemoryLog) -> None:
    store.project(log.records[0][store.position() :])


def collect_answers(store: OrderStore) -> list[object]:
    requests = [(ORDER, "place"), (ORDER, "change"), (ORDER, "confirm"), ("order-2", "other"), (ORDER, "never")]
    receipts = [store.receipt(order_id, request_key(request_id)) for order_id, request_id in requests]
    orders = [query(order_id) for order_id in (ORDER, "order-2", "order-3") for query in (store.head, store.aggregate)]
    several = store.aggregates([ORDER, "order-3", "order-2", ORDER])
    links = [list(store.links_at(ORDER, version)) for version in range(5)]
    return [store.position(), *receipts, *orders, several, *links]


async def test_file_answers_what_was_projected(log: FaultyLog, store: FileStore) -> None:
    reference = MemoryStore()
    assert collect_answers(store) == collect_answers(reference)
    project(reference, log)
    project(store, log)
    assert collect_answers(store) == collect_answers(reference)


async def test_file_damaged_in_the_middle_is_reported(log: FaultyLog, store: FileStore, tmp_path: Path) -> None:
    project(store, log)
    store.close()
    path = tmp_path / "orders.sqlite"
    whole = path.read_bytes()
    intact_size = 2 * int.from_bytes(whole[16:18])  # the first pages: the schema and the log's identity
    path.write_bytes(whole[:intact_size] + b"\xff" * (len(whole) - intact_size))
    damaged: list[Path] = []
    with closing(OrderReader(path)) as reader, pytest.raises(StoreDamaged, match=r"orders\.sqlite"):
        Fold(log, 0, ProjectedOrders(reader, 0, lambda file, _: damaged.append(file))).aggregate(ORDER)
    assert set(damaged) == {path}


async def test_file_that_cannot_be_read_for_now_is_unavailable(log: FaultyLog, store: FileStore) -> None:
    project(store, log)
    fold = Fold(log, 0, store)
    store._reader._connection.set_progress_handler(lambda: 1, 1)  # every query fails (SQLITE_INTERRUPT)
    with pytest.raises(StoreUnavailable, match="cannot be read for now"):
        fold.aggregate(ORDER)
    store._reader._connection.set_progress_handler(None, 1)
    assert fold.aggregate(ORDER).version == 3


@pytest.mark.parametrize("error", UPCASTER_ERRORS.values(), ids=UPCASTER_ERRORS)
async def test_order_parked_by_upcaster_has_the_reason_that_the_fold_of_the_tail_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    builder, log = LogBuilder(), FaultyLog()
    builder.add_statement(ORDER)
    log.land(0, builder.records[0][0])
    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=build_failing_upcaster(error)))
    store = await open_file_store(tmp_path / "orders.sqlite", log)
    fold = Fold(log, 0, store)
    await fold.catch_up()
    parked = fold.aggregate(ORDER)
    assert parked.parked
    project(store, log)
    assert store.aggregate(ORDER) == (parked, 1)
    store.close()


async def test_receipt_of_record_with_extreme_time_is_read(tmp_path: Path) -> None:
    log = FaultyLog()
    record = Record(
        order_id=ORDER, order_version=1, record_time=Timestamp(seconds=1 << 60), cause=Cause(request_id="r")
    )
    record.order_confirmed_v2.SetInParent()
    log.land(0, Entry(ORDER, record.SerializeToString()))
    store = await open_file_store(tmp_path / "orders.sqlite", log)
    project(store, log)
    assert Fold(log, 0, store).receipt(ORDER, "r") is not None
    store.close()
