"""Damaged records never stop a fold, and each one is accounted for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import NamedTuple

import pytest
from google.protobuf.message import Message
from tests.corpus.damage import SETTINGS, Setting, damage_record
from tests.trials import choose_size

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsResponse
from ordertrail_server.facts.step import Place
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import digest
from ordertrail_server.projections.base_tables import create_base_tables
from ordertrail_server.projections.history.history_rows import event_rows
from ordertrail_server.projections.history.projection import HistoryProjection
from ordertrail_server.projections.history.tables import create_history_tables
from ordertrail_server.projections.order_fold import OrderFold
from ordertrail_server.projections.orders.order_rows import number_orders, write_order_rows
from ordertrail_server.projections.orders.stored_orders import StoredOrder
from ordertrail_server.projections.orders.tables import create_order_indexes, create_order_tables
from ordertrail_server.projections.projection_file import write_base_rows
from ordertrail_server.projections.wrapped_connection import wrap_connection
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.storage.connection import Connection, connect_writer

MUTATIONS = choose_size(5_000, 100_000, 10_000_000)
OFFSET = 7


class Files(NamedTuple):
    """Files of the projections `orders` and `history`."""

    orders: Connection
    history: Connection


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    directory = tmp_path_factory.mktemp("projections")
    files = Files(connect_writer(directory / "orders.sqlite"), connect_writer(directory / "history.sqlite"))
    orders, history = map(wrap_connection, files)
    for database in (orders, history):
        create_base_tables(database, b"log", b"definition", 1)
    create_order_tables(orders)
    create_order_indexes(orders)
    create_history_tables(history)
    yield files
    for connection in files:
        connection.close()


def fold_record(setting: Setting, value: bytes, key: str) -> OrderFold:
    fold = OrderFold("orders.events", Place(0, 1), setting.stored, lambda order_id, version: ())
    fold.take(Logged(OFFSET, key, value, digest(value)))
    return fold


def find_outcome(fold: OrderFold) -> str:
    """Return what became of the record, after asserting that it is in one list of the batch."""
    offsets = {
        "event": [fact.logged.offset for fact in fold.batch.facts],
        "waiting": [fact.logged.offset for fact in fold.batch.waiting],
        "no fact": [logged.offset for logged, _ in fold.batch.non_facts],
    }
    [outcome] = [outcome for outcome, of in offsets.items() if of]
    assert offsets[outcome] == [OFFSET]
    return outcome


def assert_shown_as_read(fold: OrderFold, reading: Reading, value: bytes) -> None:
    """Assert that the event sent to clients is the event that was read, with its position."""
    [row] = event_rows(fold.batch)
    [sent_event] = StreamOrderEventsResponse.FromString(row[-1]).events
    kind = sent_event.WhichOneof("event")
    assert kind is not None
    assert (kind, get_event(sent_event)) == (reading.event.WhichOneof("event"), get_event(reading.event))
    assert (sent_event.position.offset, sent_event.digest) == (OFFSET, digest(value))
    assert (sent_event.order_id, sent_event.written_version) == (reading.event.order_id, reading.written_version)


def get_event(happened: HistoryEvent) -> Message:
    event: Message = getattr(happened, happened.WhichOneof("event") or "")
    return event


@contextmanager
def rolled_back(connection: Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    yield
    connection.execute("ROLLBACK")


def assert_storable(fold: OrderFold, setting: Setting, files: Files) -> None:
    """Assert that both projections can write the batch, and that `orders` accounts for the record."""
    stored = {order_id: StoredOrder(number, order) for number, (order_id, order) in enumerate(setting.stored.items())}
    changed = number_orders(fold, stored, len(stored))
    with rolled_back(files.orders):
        write_base_rows(files.orders, fold.batch)
        write_order_rows(files.orders, fold, changed, stored)
        counts = [table_size(files.orders, table) for table in ("links", "not_links")]
        assert sorted(counts) == [0, 1]
    with rolled_back(files.history):
        HistoryProjection().apply(fold.batch, wrap_connection(files.history))


def table_size(connection: Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_every_undamaged_sample_folds() -> None:
    for setting in SETTINGS:
        fold = fold_record(setting, setting.value, setting.order_id)
        assert find_outcome(fold) == "event", fold.batch


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_damage_changes_every_sample(number: int) -> None:
    setting = SETTINGS[number]
    assert all(damage_record(setting, Random(seed)) != setting.value for seed in range(100))


@pytest.mark.sampled
@pytest.mark.timeout(300 + MUTATIONS // 500)
def test_damaged_record_is_an_event_or_waiting_or_no_fact(files: Files) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(MUTATIONS):
        chance = Random(number)
        setting = chance.choice(SETTINGS)
        value = damage_record(setting, chance)
        try:
            outcomes[fold_damaged(setting, value, chance, files)] += 1
        except Exception as error:
            error.add_note(f"mutation {number}: {value!r}")
            raise
    # Each outcome occurred, so each assertion above was executed.
    assert outcomes.keys() == {"event", "waiting", "no fact"}


def fold_damaged(setting: Setting, value: bytes, chance: Random, files: Files) -> str:
    """Fold a damaged record, check it, and return what became of it."""
    reading = read(value)
    named = reading.event.order_id if reading is not None else ""
    fold = fold_record(setting, value, chance.choice((setting.order_id, named or setting.order_id)))
    outcome = find_outcome(fold)
    if outcome == "event":
        assert reading is not None
        assert not reading.fault
        assert_shown_as_read(fold, reading, value)
    assert_storable(fold, setting, files)
    return outcome
