"""A request has one receipt for ever: that of the first fact in the log that names the request."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import ProjectedHandler, handle, run_handler
from tests.commands.running_writer import START_NS, RunningWriter, require_accepted
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_place_order,
    new_id,
    prepare_attempt,
)
from tests.commands.simulation.order_stores import MemoryStore
from tests.log.memory import MemoryLog

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.commands.attempt import Accepted
from ordertrail_server.commands.batch_plan import BatchPlan
from ordertrail_server.commands.fold import Fold
from ordertrail_server.facts.link import Link
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import Entry, LogDamaged
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.sqlite import sqlite3


def repeat_request(log: MemoryLog, request_id: str) -> None:
    """Append a second fact with a request id, as a writer without receipts could."""
    records = [Record.FromString(logged.value) for logged in log.records[0]]
    [repeated] = [record for record in records if record.cause.request_id == request_id]
    repeated.order_version, repeated.previous = len(records) + 1, log.records[0][-1].digest
    log.land(0, Entry(ORDER, repeated.SerializeToString()))


@pytest.mark.parametrize("projected", [0, 1, 2, 3])
async def test_first_fact_of_a_request_stays_its_receipt_wherever_it_is_found(projected: int) -> None:
    log = FaultyLog()
    async with RunningWriter(log) as server:
        [first] = await server.handle(build_place_order())
        await server.handle(build_change_quantity("change", 2))
    repeat_request(log, "place")
    store = MemoryStore()
    fold = Fold(log, 0, store)
    await fold.catch_up()
    store.project(log.records[0][:projected])
    for reported in (0, projected):
        fold.note_projected(reported)
        assert fold.aggregate(ORDER).version == 3
        assert fold.receipt(ORDER, "place") == require_accepted(first).fact


class StoreOfFasterProjector(MemoryStore):
    """Between the first query for an order's state or receipt and the next query, the whole log is projected."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__()
        self._log = log

    def aggregate(self, order_id: str) -> tuple[Aggregate, int]:
        answer = super().aggregate(order_id)
        self.project(self._log.records[0][self.position() :])
        return answer

    def aggregates(self, order_ids: Sequence[str]) -> tuple[dict[str, Aggregate], int]:
        answer = super().aggregates(order_ids)
        self.project(self._log.records[0][self.position() :])
        return answer

    def receipt(self, order_id: str, request: bytes) -> Link | None:
        answer = super().receipt(order_id, request)
        self.project(self._log.records[0][self.position() :])
        return answer


@pytest.mark.parametrize("is_expected", [False, True])
async def test_command_whose_record_is_projected_during_its_decision_is_not_decided_again(is_expected: bool) -> None:
    log = FaultyLog(atomic=False)
    async with RunningWriter(log) as server:
        [first] = await server.handle(build_place_order())
        [second] = await server.handle(build_confirm_order())
        assert require_accepted(second).fact.version == 2
    fold = Fold(log, 0, StoreOfFasterProjector(log))  # has not read the log, as on a stale end
    plan = BatchPlan(fold, chained=False, now=lambda: START_NS, new_id=new_id)
    attempt = prepare_attempt(build_place_order())
    if is_expected:
        plan.expect([attempt])
    plan.add(attempt)
    assert plan.outcomes[0][1] == Accepted(require_accepted(first).fact, True, None)


async def test_retry_never_gets_record_other_than_the_acknowledged_one(tmp_path: Path) -> None:
    projections = tmp_path / "projections"
    server = ProjectedHandler(log := EmbeddedLog.create(tmp_path), projections)
    async with server.run() as handler:
        await handle(handler, [build_place_order(), build_change_quantity("change", 2)])
        await server.wait_projected()
    await log.close()
    replace_first_record(tmp_path)
    async with run_handler(EmbeddedLog.open(tmp_path), projections) as handler:
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
