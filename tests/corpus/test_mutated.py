"""Damaged records never stop a fold, and each one is recorded in a table."""

from collections import Counter
from contextlib import closing
from random import Random

import pytest
from google.protobuf.message import Message
from tests.corpus.damage import SETTINGS, Setting, damage_record
from tests.trials import choose_size

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsResponse
from ordertrail_server.log.port import Logged
from ordertrail_server.orders.chain import digest
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.projections.order_history_ddl import INDEXES, TABLES
from ordertrail_server.projections.rows import Rows, write_rows
from ordertrail_server.schema.reading import Reading, read
from ordertrail_server.storage.sqlite import sqlite3

MUTATIONS = choose_size(5_000, 200_000, 10_000_000)
PLACE, OFFSET = Place("orders.events", 0, 1), 7


def fold_record(setting: Setting, value: bytes, key: str) -> Rows:
    fold = BatchFold(PLACE, setting.stored, lambda order_id, stored, version: None)
    fold.take(Logged(OFFSET, key, value, digest(value)))
    return fold.rows


def assert_accounted_for(rows: Rows) -> str:
    """Assert that the record is in one of the three tables, at its offset; return the table's name."""
    offsets_by_table = {
        "event": [row[0] for row in rows.events],
        "not a fact": [row[0] for row in rows.not_facts],
        "parked": [row[0] for row in rows.parked],
    }
    [(table, offsets)] = [(table, offsets) for table, offsets in offsets_by_table.items() if offsets]
    assert offsets == [OFFSET]
    return table


def assert_shown_as_read(rows: Rows, reading: Reading, value: bytes) -> None:
    """Assert that the event sent to clients is the event that was read, with its position."""
    [sent_event] = StreamOrderEventsResponse.FromString(rows.events[0][-1]).events
    kind = sent_event.WhichOneof("event")
    assert kind is not None
    assert (kind, get_event(sent_event)) == (reading.event.WhichOneof("event"), get_event(reading.event))
    assert (sent_event.position.offset, sent_event.digest) == (OFFSET, digest(value))
    assert (sent_event.order_id, sent_event.written_version) == (reading.event.order_id, reading.written_version)


def get_event(happened: HistoryEvent) -> Message:
    event: Message = getattr(happened, happened.WhichOneof("event") or "")
    return event


def read_model() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in (*TABLES, *INDEXES):
        connection.execute(statement)
    return connection


def assert_storable(rows: Rows, setting: Setting, model: sqlite3.Connection) -> None:
    model.execute("BEGIN")
    write_rows(model, rows, setting.stored)
    model.execute("ROLLBACK")


def test_every_undamaged_sample_folds() -> None:
    for setting in SETTINGS:
        rows = fold_record(setting, setting.value, setting.order_id)
        assert assert_accounted_for(rows) == "event", rows.parked or rows.not_facts


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_damage_changes_every_sample(number: int) -> None:
    setting = SETTINGS[number]
    assert all(damage_record(setting, Random(seed)) != setting.value for seed in range(100))


@pytest.mark.sampled
@pytest.mark.timeout(300 + MUTATIONS // 500)
def test_damaged_record_is_an_event_or_parked_or_no_fact() -> None:
    outcomes: Counter[str] = Counter()
    with closing(read_model()) as model:
        for number in range(MUTATIONS):
            chance = Random(number)
            setting = chance.choice(SETTINGS)
            value = damage_record(setting, chance)
            try:
                outcomes[take(setting, value, chance, model)] += 1
            except Exception as error:
                error.add_note(f"mutation {number}: {value!r}")
                raise
    # Each outcome occurred, so each assertion above was executed.
    assert outcomes.keys() == {"event", "not a fact", "parked"}


def take(setting: Setting, value: bytes, chance: Random, model: sqlite3.Connection) -> str:
    reading = read(value)
    named = reading.event.order_id if reading is not None else ""
    key = chance.choice((setting.order_id, named or setting.order_id))
    rows = fold_record(setting, value, key)
    table = assert_accounted_for(rows)
    if table == "event":
        assert reading is not None
        assert not reading.fault
        assert_shown_as_read(rows, reading, value)
    assert_storable(rows, setting, model)
    return table
