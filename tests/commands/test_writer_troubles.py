"""What callers may rely on when the log fails, others write too, or an order is damaged."""

from typing import Any

import pytest
from tests.commands.simulation.snapshot_store import NoSnapshot
from tests.commands.spec import ORDER, TroubledLog, Writing, accepted, attempt_of, change, confirm, place, reason
from tests.log.memory import MemoryLog

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.commands.attempt import Accepted, Preview
from ordertrail_server.commands.fold import Fold
from ordertrail_server.log.port import BARRIER, AppendUncertain, Entry, LogDamaged, Logged, LogUnavailable


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> TroubledLog:
    return TroubledLog(atomic=request.param)


async def facts_of(log: TroubledLog, order_id: str) -> int:
    fold = Fold(log, 0, NoSnapshot())
    await fold.catch_up()
    return fold.aggregate(order_id).version


async def test_writer_continues_after_append_is_refused(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        log.troubles.append(LogUnavailable())
        [failed] = await writing.handle(place())
        [then] = await writing.handle(place())
    assert reason(failed) == "UNAVAILABLE"
    assert accepted(then).fact.version == 1
    assert not accepted(then).replayed


async def test_writer_continues_after_log_was_unreachable(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        log.unreachable = True
        log.troubles.append(LogUnavailable())
        failed = await writing.handle(place(), confirm())
        log.unreachable = False
        log.troubles.clear()
        then = await writing.handle(place(), confirm())
    assert [reason(answer) for answer in failed] == ["UNAVAILABLE"] * 2
    assert [accepted(answer).fact.version for answer in then] == [1, 2]


async def test_append_of_unknown_outcome_that_succeeded_gets_receipt(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        log.lands = True
        log.troubles.append(AppendUncertain())
        [answer] = await writing.handle(place())
    assert accepted(answer).fact.digest == log.records[0][0].digest
    assert not accepted(answer).replayed
    assert len(log.records[0]) == 1


async def test_append_of_unknown_outcome_that_was_lost_is_retried(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        log.troubles.append(AppendUncertain())
        answers = await writing.handle(place(), place("other", "order-2"))
    assert [accepted(answer).fact.version for answer in answers] == [1, 1]
    assert len(log.records[0]) == 2


async def test_callers_of_hanging_log_get_unavailable_at_deadline_and_retry_gets_receipt(
    log: TroubledLog,
) -> None:
    async with Writing(log, capacity=2) as writing:
        log.answers.clear()
        at_hand, waiting, patient = attempt_of(place()), attempt_of(change("change", 2)), attempt_of(confirm())
        at_hand.deadline = waiting.deadline = 5.0
        writing.writer.queue.submit(at_hand)
        await log.asked_to_append.wait()
        writing.writer.queue.submit(waiting)
        writing.writer.queue.answer_expired(4.9)
        assert not at_hand.answer.done()
        assert not waiting.answer.done()
        writing.writer.queue.answer_expired(5.0)
        assert [reason(attempt.answer.result()) for attempt in (at_hand, waiting)] == ["UNAVAILABLE"] * 2
        writing.writer.queue.submit(patient)
        log.answers.set()
        assert accepted(await patient.answer).fact.version == 2
        [again] = await writing.handle(place())
    assert accepted(again).replayed
    assert [logged.key for logged in log.records[0]] == [ORDER, ORDER]


@pytest.mark.parametrize("lands", [True, False])
async def test_order_with_generated_ids_is_placed_once_after_uncertain_append(log: TroubledLog, lands: bool) -> None:
    async with Writing(log) as writing:
        log.lands = lands
        log.troubles.append(AppendUncertain())
        [answer] = await writing.handle(place("", ""))
        order_id = log.records[0][0].key
        [then] = await writing.handle(confirm(order_id=order_id))
    assert accepted(answer).fact.digest == log.records[0][0].digest
    assert accepted(then).fact.version == 2
    assert len(log.records[0]) == 2
    assert await facts_of(log, order_id) == 2


async def test_order_with_generated_ids_is_placed_once_beside_other_writers() -> None:
    class Shared(TroubledLog):
        """Another server's record always lands first."""

        async def append(self, partition: int, entries: object) -> list[int]:
            self.land(0, Entry("order-9", b"of another server"))
            return await super().append(partition, entries)  # type: ignore[arg-type]

    log = Shared(atomic=False)
    async with Writing(log) as writing:
        [answer] = await writing.handle(place("", ""))
    assert [logged.key for logged in log.records[0]] == ["order-9", log.records[0][1].key]
    assert accepted(answer).fact.offset == 1


async def test_refusal_considers_records_appended_by_others_before_the_call(log: TroubledLog) -> None:
    async with Writing(log) as one, Writing(log) as other:
        await one.handle(place())
        await other.handle(change("change", 7))
        [answer] = await one.handle(change("same", 7))
        [then] = await one.handle(change("back", 1))
    assert reason(answer) == "NOTHING_CHANGES"
    assert accepted(then).fact.version == 3


class Replicated(TroubledLog):
    end_is_current = False


class ToldByAnOldLeader(Replicated):
    """Has an old end told, as by a broker that leads no more; an append finds the one that leads."""

    async def end(self, partition: int, known: int = 0) -> int:
        return 0


@pytest.mark.parametrize("request_now", [confirm(), confirm(validate_only=True)], ids=["refused", "only validated"])
async def test_refusal_does_not_rest_on_stale_end_offset_of_deposed_leader(request_now: Any) -> None:
    log = ToldByAnOldLeader(atomic=False)
    async with Writing(log) as writing, Writing(log) as other:
        await other.handle(place())
        [answer] = await writing.handle(request_now)
    assert isinstance(answer, Accepted | Preview)


async def test_refusal_costs_one_barrier_record_and_replayed_receipt_none() -> None:
    log = Replicated(atomic=False)
    async with Writing(log) as writing:
        await writing.handle(place())
        again, refused = await writing.handle(place()), await writing.handle(place("another"))
        assert [accepted(again[0]).replayed, reason(refused[0])] == [True, "ORDER_EXISTS"]
        assert [(logged.key, logged.value) for logged in log.records[0][1:]] == [BARRIER]
        assert writing.fold.position == 2
        assert accepted((await writing.handle(confirm()))[0]).fact.offset == 2


async def test_uncertain_barrier_append_leads_to_unavailable_not_to_refusal() -> None:
    log = Replicated(atomic=False)
    async with Writing(log) as writing:
        log.troubles.append(AppendUncertain())
        [answer] = await writing.handle(confirm())
    assert reason(answer) == "UNAVAILABLE"


async def test_record_that_lost_race_is_void_and_command_is_decided_again(log: TroubledLog) -> None:
    async with Writing(log) as one, Writing(log) as other:
        await one.handle(place())
        await one.write_alone()
        await other.handle(change("change", 7))
        [answer] = await one.handle(confirm())
    assert accepted(answer).fact.version == 3
    versions = [Record.FromString(logged.value).order_version for logged in log.records[0] if logged.key == ORDER]
    assert versions == [1, 2, 2, 3]
    assert await facts_of(log, ORDER) == 3


def damaged(logged: Logged) -> Entry:
    record = Record.FromString(logged.value)
    record.order_version, record.previous = 2, bytes(16)
    return Entry(logged.key, record.SerializeToString())


def from_the_future(logged: Logged) -> Entry:
    record = Record(order_id=ORDER, order_version=2, previous=logged.digest)
    return Entry(logged.key, record.SerializeToString() + b"\xfa\xff\x03\x00")


@pytest.mark.parametrize("parking", [damaged, from_the_future])
async def test_parked_order_refuses_commands_but_replays_receipts(log: TroubledLog, parking: object) -> None:
    async with Writing(log) as writing:
        [first] = await writing.handle(place())
        log.land(0, parking(log.records[0][0]))  # type: ignore[operator]
        [other] = await writing.handle(place("other", "order-2"))
        refused, again = await writing.handle(confirm(), place())
    assert reason(refused) == "ORDER_PARKED"
    assert accepted(again).fact == accepted(first).fact
    assert accepted(other).fact.version == 1


async def test_foreign_records_change_nothing(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        log.land(0, Entry("order-2", log.records[0][0].value))
        log.land(0, Entry(ORDER, b"\xff"))
        [answer] = await writing.handle(confirm())
    assert accepted(answer).fact.version == 2
    assert await facts_of(log, ORDER) == 2
    assert await facts_of(log, "order-2") == 0


class MarkedLog(TroubledLog):
    """Its partition ends with a mark that is no record, which it learns by looking; then somebody appends behind it."""

    def __init__(self, behind: list[Entry]) -> None:
        super().__init__(atomic=False)
        self._behind, self._marked = behind, True

    async def end(self, partition: int, known: int = 0) -> int:
        return await super().end(partition) + self._marked

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        records = await super().read(partition, offset, limit)
        if not records and self._marked:
            self._marked = False
            await self.append(partition, self._behind)
        return records


async def test_records_appended_after_transaction_marker_are_folded() -> None:
    others = MemoryLog()
    async with Writing(others) as writing:
        await writing.handle(place("place"), confirm("confirm"))
    log = MarkedLog([Entry(key, value) for _, key, value, _ in await others.read(0, 0, 10)])
    fold = Fold(log, 0, NoSnapshot())
    await fold.catch_up()
    assert fold.position == 2


async def test_log_whose_end_lies_beyond_its_records_is_damaged() -> None:
    class Holed(TroubledLog):
        async def end(self, partition: int, known: int = 0) -> int:
            return await super().end(partition) + 3

    with pytest.raises(LogDamaged, match="facts are missing"):
        await Fold(Holed(), 0, NoSnapshot()).catch_up()
