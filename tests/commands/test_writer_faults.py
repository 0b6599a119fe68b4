"""The writer's guarantees to callers while the log fails, other servers write, or an order is damaged."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import RunningWriter, require_accepted, require_refusal_reason
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_place_order,
    prepare_attempt,
)
from tests.commands.simulation.order_stores import NothingProjected
from tests.log.memory import MemoryLog

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.commands.attempt import Accepted, Preview
from ordertrail_server.commands.fold import Fold
from ordertrail_server.log.port import BARRIER, AppendUncertain, Entry, LogDamaged, Logged, LogUnavailable


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> FaultyLog:
    return FaultyLog(atomic=request.param)


async def count_facts(log: FaultyLog, order_id: str) -> int:
    fold = Fold(log, 0, NothingProjected())
    await fold.catch_up()
    return fold.aggregate(order_id).version


async def test_writer_continues_after_append_is_refused(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        log.errors.append(LogUnavailable())
        [failed] = await server.handle(build_place_order())
        [next_answer] = await server.handle(build_place_order())
    assert require_refusal_reason(failed) == "UNAVAILABLE"
    assert require_accepted(next_answer).fact.version == 1
    assert not require_accepted(next_answer).replayed


async def test_writer_continues_after_log_was_unreachable(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        log.unreachable = True
        log.errors.append(LogUnavailable())
        failed = await server.handle(build_place_order(), build_confirm_order())
        log.unreachable = False
        log.errors.clear()
        next_answer = await server.handle(build_place_order(), build_confirm_order())
    assert [require_refusal_reason(answer) for answer in failed] == ["UNAVAILABLE"] * 2
    assert [require_accepted(answer).fact.version for answer in next_answer] == [1, 2]


async def test_append_of_unknown_outcome_that_succeeded_gets_receipt(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        log.stores_before_error = True
        log.errors.append(AppendUncertain())
        [answer] = await server.handle(build_place_order())
    assert require_accepted(answer).fact.digest == log.records[0][0].digest
    assert not require_accepted(answer).replayed
    assert len(log.records[0]) == 1


async def test_append_of_unknown_outcome_that_was_lost_is_retried(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        log.errors.append(AppendUncertain())
        answers = await server.handle(build_place_order(), build_place_order("other", "order-2"))
    assert [require_accepted(answer).fact.version for answer in answers] == [1, 1]
    assert len(log.records[0]) == 2


async def test_callers_of_hanging_log_get_unavailable_at_deadline_and_retry_gets_receipt(
    log: FaultyLog,
) -> None:
    async with RunningWriter(log, capacity=2) as server:
        log.may_answer.clear()
        in_flight, waiting, without_deadline = (
            prepare_attempt(build_place_order()),
            prepare_attempt(build_change_quantity("change", 2)),
            prepare_attempt(build_confirm_order()),
        )
        in_flight.deadline = waiting.deadline = 5.0
        server.writer.queue.submit(in_flight)
        await log.append_started.wait()
        server.writer.queue.submit(waiting)
        server.writer.queue.answer_expired(4.9)
        assert not in_flight.answer.done()
        assert not waiting.answer.done()
        server.writer.queue.answer_expired(5.0)
        assert [require_refusal_reason(attempt.answer.result()) for attempt in (in_flight, waiting)] == [
            "UNAVAILABLE"
        ] * 2
        server.writer.queue.submit(without_deadline)
        log.may_answer.set()
        assert require_accepted(await without_deadline.answer).fact.version == 2
        [replay] = await server.handle(build_place_order())
    assert require_accepted(replay).replayed
    assert [logged.key for logged in log.records[0]] == [ORDER, ORDER]


@pytest.mark.parametrize("stores_before_error", [True, False])
async def test_order_with_generated_ids_is_placed_once_after_uncertain_append(
    log: FaultyLog, stores_before_error: bool
) -> None:
    async with RunningWriter(log) as server:
        log.stores_before_error = stores_before_error
        log.errors.append(AppendUncertain())
        [answer] = await server.handle(build_place_order("", ""))
        order_id = log.records[0][0].key
        [next_answer] = await server.handle(build_confirm_order(order_id=order_id))
    assert require_accepted(answer).fact.digest == log.records[0][0].digest
    assert require_accepted(next_answer).fact.version == 2
    assert len(log.records[0]) == 2
    assert await count_facts(log, order_id) == 2


async def test_order_with_generated_ids_is_placed_once_if_others_write() -> None:
    class ContendedLog(FaultyLog):
        """Before each append, another server's record is appended."""

        async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
            self.land(0, Entry("order-9", b"of another server"))
            return await super().append(partition, entries)

    log = ContendedLog(atomic=False)
    async with RunningWriter(log) as server:
        [answer] = await server.handle(build_place_order("", ""))
    assert [logged.key for logged in log.records[0]] == ["order-9", log.records[0][1].key]
    assert require_accepted(answer).fact.offset == 1


async def test_refusal_considers_records_appended_by_others_before_the_call(log: FaultyLog) -> None:
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        await server.handle(build_place_order())
        await other_server.handle(build_change_quantity("change", 7))
        [answer] = await server.handle(build_change_quantity("same", 7))
        [next_answer] = await server.handle(build_change_quantity("back", 1))
    assert require_refusal_reason(answer) == "NOTHING_CHANGES"
    assert require_accepted(next_answer).fact.version == 3


class ReplicatedLog(FaultyLog):
    def __init__(self, *, atomic: bool = True) -> None:
        super().__init__(atomic=atomic)
        self.capabilities = replace(self.capabilities, current_end=False)


class StaleEndLog(ReplicatedLog):
    """Queries for the end get an old one, as from a deposed leader. An append reaches the real leader."""

    async def end(self, partition: int, at_least: int = 0) -> int:
        return 0


@pytest.mark.parametrize(
    "request_now", [build_confirm_order(), build_confirm_order(validate_only=True)], ids=["refused", "only validated"]
)
async def test_refusal_does_not_use_stale_end_offset_of_deposed_leader(request_now: Any) -> None:
    log = StaleEndLog(atomic=False)
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        await other_server.handle(build_place_order())
        [answer] = await server.handle(request_now)
    assert isinstance(answer, Accepted | Preview)


async def test_refusal_costs_one_barrier_record_and_replayed_receipt_none() -> None:
    log = ReplicatedLog(atomic=False)
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        replay, refused = await server.handle(build_place_order()), await server.handle(build_place_order("another"))
        assert [require_accepted(replay[0]).replayed, require_refusal_reason(refused[0])] == [True, "ORDER_EXISTS"]
        assert [(logged.key, logged.value) for logged in log.records[0][1:]] == [BARRIER]
        assert server.fold.position == 2
        assert require_accepted((await server.handle(build_confirm_order()))[0]).fact.offset == 2


async def test_uncertain_barrier_append_leads_to_unavailable_not_to_refusal() -> None:
    log = ReplicatedLog(atomic=False)
    async with RunningWriter(log) as server:
        log.errors.append(AppendUncertain())
        [answer] = await server.handle(build_confirm_order())
    assert require_refusal_reason(answer) == "UNAVAILABLE"


async def test_record_that_lost_race_is_void_and_command_is_decided_again(log: FaultyLog) -> None:
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        await server.handle(build_place_order())
        await server.become_sole_writer()
        await other_server.handle(build_change_quantity("change", 7))
        [answer] = await server.handle(build_confirm_order())
    assert require_accepted(answer).fact.version == 3
    versions = [Record.FromString(logged.value).order_version for logged in log.records[0] if logged.key == ORDER]
    assert versions == [1, 2, 2, 3]
    assert await count_facts(log, ORDER) == 3


def damage_predecessor_digest(logged: Logged) -> Entry:
    record = Record.FromString(logged.value)
    record.order_version, record.previous = 2, bytes(16)
    return Entry(logged.key, record.SerializeToString())


def of_unknown_version(logged: Logged) -> Entry:
    record = Record(order_id=ORDER, order_version=2, previous=logged.digest)
    return Entry(logged.key, record.SerializeToString() + b"\xfa\xff\x03\x00")


@pytest.mark.parametrize("parking", [damage_predecessor_digest, of_unknown_version])
async def test_parked_order_refuses_commands_but_replays_receipts(
    log: FaultyLog, parking: Callable[[Logged], Entry]
) -> None:
    async with RunningWriter(log) as server:
        [first] = await server.handle(build_place_order())
        log.land(0, parking(log.records[0][0]))
        [other_server] = await server.handle(build_place_order("other", "order-2"))
        refused, replay = await server.handle(build_confirm_order(), build_place_order())
    assert require_refusal_reason(refused) == "ORDER_PARKED"
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(other_server).fact.version == 1


async def test_foreign_records_change_nothing(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        log.land(0, Entry("order-2", log.records[0][0].value))
        log.land(0, Entry(ORDER, b"\xff"))
        [answer] = await server.handle(build_confirm_order())
    assert require_accepted(answer).fact.version == 2
    assert await count_facts(log, ORDER) == 2
    assert await count_facts(log, "order-2") == 0


class MarkerLog(FaultyLog):
    """A partition that ends with a transaction marker. When a read reaches the marker, other records are appended."""

    def __init__(self, later_entries: list[Entry]) -> None:
        super().__init__(atomic=False)
        self._later_entries, self._has_marker = later_entries, True

    async def end(self, partition: int, at_least: int = 0) -> int:
        return await super().end(partition) + self._has_marker

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        records = await super().read(partition, offset, limit)
        if not records and self._has_marker:
            self._has_marker = False
            await self.append(partition, self._later_entries)
        return records


async def test_records_appended_after_transaction_marker_are_folded() -> None:
    other_log = MemoryLog()
    async with RunningWriter(other_log) as server:
        await server.handle(build_place_order("place"), build_confirm_order("confirm"))
    log = MarkerLog([Entry(key, value) for _, key, value, _ in await other_log.read(0, 0, 10)])
    fold = Fold(log, 0, NothingProjected())
    await fold.catch_up()
    assert fold.position == 2


async def test_log_whose_end_lies_beyond_its_records_is_damaged() -> None:
    class GappedLog(FaultyLog):
        async def end(self, partition: int, at_least: int = 0) -> int:
            return await super().end(partition) + 3

    with pytest.raises(LogDamaged, match="facts are missing"):
        await Fold(GappedLog(), 0, NothingProjected()).catch_up()
