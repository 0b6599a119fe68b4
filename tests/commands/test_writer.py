"""What callers may rely on when they send a command to the writer."""

import asyncio
from typing import Any

import pytest
from tests.commands.spec import (
    BEGINNING,
    ORDER,
    SECOND,
    TroubledLog,
    Writing,
    accepted,
    attempt_of,
    change,
    confirm,
    line,
    place,
    reason,
)
from tests.log.memory import MemoryLog

from ordertrail.v1.commands_pb2 import AddOrderLineRequest
from ordertrail.v1.order_events_pb2 import OrderConfirmed
from ordertrail_server.commands.attempt import Preview
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.orders.refusal import Refusal, Refused


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> TroubledLog:
    return TroubledLog(atomic=request.param)


async def test_a_command_is_answered_with_its_fact_and_its_record(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        [answer] = await writing.handle(place())
    assert accepted(answer).fact[:3] == (1, log.records[0][0].digest, "place")
    assert accepted(answer).fact.offset == 0
    assert accepted(answer).fact.time == BEGINNING
    assert not accepted(answer).replayed
    assert accepted(answer).record is not None


async def test_a_retry_is_answered_with_the_first_receipt_and_records_nothing(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        [first] = await writing.handle(place())
        await writing.handle(confirm())
        [again] = await writing.handle(place())
    assert accepted(again).fact == accepted(first).fact
    assert accepted(again).replayed
    assert len(log.records[0]) == 2


async def test_a_retry_in_the_same_batch_is_answered_with_the_same_receipt(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        first, again = await writing.handle(place(), place())
    assert accepted(again).fact == accepted(first).fact
    assert (accepted(first).replayed, accepted(again).replayed) == (False, True)
    assert len(log.records[0]) == 1


async def test_a_retry_to_another_server_is_answered_with_the_same_receipt(log: TroubledLog) -> None:
    async with Writing(log) as one, Writing(log) as other:
        [first] = await one.handle(place())
        [again] = await other.handle(place())
    assert accepted(again).fact == accepted(first).fact
    assert accepted(again).replayed


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_request_id_that_comes_back_with_another_command_is_refused(log: TroubledLog, at_once: bool) -> None:
    async with Writing(log) as writing:
        if at_once:
            _, answer = await writing.handle(place(), place(customer_id="shop-2"))
        else:
            await writing.handle(place())
            [answer] = await writing.handle(confirm("place"))
    assert reason(answer) == "REQUEST_ID_REUSED"
    assert len(log.records[0]) == 1


async def test_another_version_than_expected_is_refused_with_both(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place(), change("change", 2))
        [answer] = await writing.handle(confirm(expected_version=1))
    assert reason(answer) == "VERSION_MISMATCH"
    assert isinstance(answer, Refusal)
    assert answer.facts == {"expected": "1", "actual": "2"}


async def test_an_order_that_must_not_exist_yet_is_expected_at_version_0(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        answers = await writing.handle(place(expected_version=0), place("other", expected_version=0))
    assert accepted(answers[0]).fact.version == 1
    assert reason(answers[1]) == "VERSION_MISMATCH"


async def test_a_retry_gets_its_receipt_whatever_version_it_expects(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        [first] = await writing.handle(confirm(expected_version=1))
        [again] = await writing.handle(confirm(expected_version=1))
    assert accepted(again).fact == accepted(first).fact


async def test_validate_only_tells_what_would_happen_and_records_nothing(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        would_be, refused = await writing.handle(confirm(validate_only=True), change("change", 1, validate_only=True))
        [after] = await writing.handle(confirm())
    assert isinstance(would_be, Preview)
    assert would_be.reading.event.WhichOneof("event") == "order_confirmed"
    assert would_be.reading.event.order_version == 2
    assert reason(refused) == "NOTHING_CHANGES"
    assert not accepted(after).replayed
    assert len(log.records[0]) == 2


async def test_a_batch_on_one_order_is_one_append_where_appends_are_atomic() -> None:
    log = TroubledLog(atomic=True)
    async with Writing(log) as writing:
        answers = await writing.handle(place(), change("change", 2), confirm(), change("too late", 3))
    assert [accepted(answer).fact.version for answer in answers[:3]] == [1, 2, 3]
    assert reason(answers[3]) == "STATUS_FORBIDS"
    assert log.appends == [3]


async def test_elsewhere_a_record_is_linked_to_confirmed_facts_only_while_other_orders_share_the_append() -> None:
    log = TroubledLog(atomic=False)
    async with Writing(log) as writing:
        answers = await writing.handle(place(), place("other", "order-2"), change("change", 2), confirm())
    assert [accepted(answer).fact.version for answer in answers] == [1, 1, 2, 3]
    assert log.appends == [2, 1, 1]


async def test_commands_on_one_order_are_decided_in_the_order_in_which_they_came(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        answers = await writing.handle(place(), *(change(f"change-{n}", n) for n in range(2, 20)))
    assert [accepted(answer).fact.version for answer in answers] == list(range(1, 20))


async def test_a_fact_is_never_older_than_the_one_before_it(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        writing.now -= 3600 * SECOND
        [answer] = await writing.handle(confirm())
    assert accepted(answer).fact.time == BEGINNING


async def test_a_command_too_many_is_refused_at_once_and_the_others_are_answered(log: TroubledLog) -> None:
    async with Writing(log, capacity=2) as writing:
        waiting = [attempt_of(place()), attempt_of(place("other", "order-2"))]
        for attempt in waiting:
            writing.writer.queue.submit(attempt)
        with pytest.raises(Refused) as raised:
            writing.writer.queue.submit(attempt_of(confirm()))
        assert reason(raised.value.refusal) == "OVERLOADED"
        assert [accepted(await attempt.answer).fact.version for attempt in waiting] == [1, 1]
        await writing.writer.queue.wait_for_space(attempt_of(confirm()))
        [answer] = await writing.handle(confirm())
    assert accepted(answer).fact.version == 2


async def test_a_caller_who_went_before_the_decision_leaves_no_record(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        attempt = attempt_of(place())
        writing.writer.queue.submit(attempt)
        attempt.answer.cancel()
        await writing.writer.queue.join()
    assert log.records[0] == []


async def test_a_defect_in_one_decision_is_that_command_s_alone(log: TroubledLog) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        undecidable = attempt_of(confirm())
        undecidable.command = OrderConfirmed()  # type: ignore[assignment]
        writing.writer.queue.submit(undecidable)
        [answer] = await writing.handle(change("change", 2))
        assert reason(await undecidable.answer) == "INTERNAL"
    assert accepted(answer).fact.version == 2


@pytest.mark.parametrize("request_after", [change("change", 2), change("refused", 1)])
async def test_a_log_that_lost_its_end_stops_the_writer(log: TroubledLog, request_after: Any) -> None:
    async with Writing(log) as writing:
        await writing.handle(place())
        log.records[0].clear()
        writing.writer.queue.submit(attempt_of(request_after))
        with pytest.raises(LogDamaged, match="1 records of it were known"):
            await asyncio.wait_for(writing.task, 10)


async def test_orders_of_one_batch_are_folded_apart() -> None:
    log = MemoryLog()
    async with Writing(log) as writing:
        add = AddOrderLineRequest(order_id=ORDER, request_id="add", line=line("pear"))
        await writing.handle(place(), place("other", "order-2"), add)
        orders = [writing.fold.aggregate(order).order for order in (ORDER, "order-2")]
    assert [[each.product_id for each in order.lines] for order in orders if order] == [["apple", "pear"], ["apple"]]
