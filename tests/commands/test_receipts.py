"""A request has one receipt for ever: that of the first fact in the log that names the request."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import handle, run_handler
from tests.commands.running_writer import RunningWriter, require_accepted
from tests.commands.sample_requests import ORDER, build_change_quantity, build_place_order
from tests.log.memory import MemoryLog

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.commands.fold import Fold
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry, LogDamaged
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.sqlite import sqlite3


def repeat_request(log: MemoryLog, request_id: str) -> None:
    """Append a second fact with a request id, as a writer without receipts could."""
    records = [Record.FromString(logged.value) for logged in log.records[0]]
    [repeated] = [record for record in records if record.cause.request_id == request_id]
    repeated.order_version, repeated.previous = len(records) + 1, log.records[0][-1].digest
    log.land(0, Entry(ORDER, repeated.SerializeToString()))


def save(fold: Fold, store: StateStore) -> None:
    store.save(0, fold.snapshot())
    fold.saved()


@pytest.mark.parametrize("saved", ["nothing", "snapshot begun", "first fact", "both facts"])
async def test_first_fact_of_a_request_stays_its_receipt_after_any_save(tmp_path: Path, saved: str) -> None:
    log = FaultyLog()
    async with RunningWriter(log) as server:
        [first] = await server.handle(build_place_order())
        await server.handle(build_change_quantity("change", 2))
    with closing(StateStore(tmp_path / "state.sqlite", log, b"rules")) as store:
        fold = Fold(log, 0, store)
        await fold.catch_up()
        if saved == "snapshot begun":
            fold.snapshot()
        elif saved == "first fact":
            save(fold, store)
        repeat_request(log, "place")
        await fold.catch_up()
        if saved == "both facts":
            save(fold, store)
        assert fold.aggregate(ORDER).version == 3
        assert fold.receipt(ORDER, "place") == require_accepted(first).fact


async def test_retry_never_gets_record_other_than_the_acknowledged_one(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with run_handler(EmbeddedLog.create(tmp_path), state) as handler:
        await handle(handler, [build_place_order(), build_change_quantity("change", 2)])
    replace_first_record(tmp_path)
    async with run_handler(EmbeddedLog.open(tmp_path), state) as handler:
        [replay] = await handle(handler, [build_place_order()])
        with pytest.raises(LogDamaged, match="the record at offset 0 is not the one that was acknowledged"):
            await handler.read_record(ORDER, require_accepted(replay))


def replace_first_record(data: Path) -> None:
    """Replace the order's first record by another readable one with a matching digest."""
    with closing(sqlite3.connect(data / "log.sqlite", isolation_level=None)) as connection:
        [(value,)] = connection.execute("SELECT value FROM records WHERE position = 0").fetchall()
        record = Record.FromString(value)
        record.actor = "another actor"
        replacement = record.SerializeToString()
        connection.execute("DROP TRIGGER records_are_never_changed")
        values = (replacement, digest(replacement))
        connection.execute("UPDATE records SET value = ?, digest = ? WHERE position = 0", values)
