"""The writer's guarantees to callers while the log works."""

import asyncio
from typing import Any

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_writer import SECOND, START_NS, RunningWriter, require_accepted, require_refusal_reason
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_line,
    build_place_order,
    prepare_attempt,
)
from tests.log.memory import MemoryLog

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import AddOrderLineRequest
from ordertrail.v1.order_events_pb2 import OrderConfirmed
from ordertrail_server.commands.attempt import Preview
from ordertrail_server.facts.link import request_key
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.orders.refusal import Refusal, Refused


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> FaultyLog:
    return FaultyLog(atomic=request.param)


def record_time(log: FaultyLog, offset: int) -> int:
    return Record.FromString(log.records[0][offset].value).record_time.ToNanoseconds()


async def test_command_is_answered_with_its_fact_and_record(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        [answer] = await server.handle(build_place_order())
    assert require_accepted(answer).fact[:3] == (1, log.records[0][0].digest, request_key("place"))
    assert require_accepted(answer).fact.offset == 0
    assert record_time(log, 0) == START_NS
    assert not require_accepted(answer).replayed
    assert require_accepted(answer).record is not None


async def test_retry_gets_first_receipt_and_appends_nothing(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        [first] = await server.handle(build_place_order())
        await server.handle(build_confirm_order())
        [replay] = await server.handle(build_place_order())
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(replay).replayed
    assert len(log.records[0]) == 2


async def test_retry_in_same_batch_gets_same_receipt(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        first, replay = await server.handle(build_place_order(), build_place_order())
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert (require_accepted(first).replayed, require_accepted(replay).replayed) == (False, True)
    assert len(log.records[0]) == 1


async def test_retry_at_another_server_gets_same_receipt(log: FaultyLog) -> None:
    async with RunningWriter(log) as server, RunningWriter(log) as other_server:
        [first] = await server.handle(build_place_order())
        [replay] = await other_server.handle(build_place_order())
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(replay).replayed


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_request_id_reused_for_another_command_is_refused(log: FaultyLog, in_one_batch: bool) -> None:
    async with RunningWriter(log) as server:
        if in_one_batch:
            _, answer = await server.handle(build_place_order(), build_place_order(customer_id="shop-2"))
        else:
            await server.handle(build_place_order())
            [answer] = await server.handle(build_confirm_order("place"))
    assert require_refusal_reason(answer) == "REQUEST_ID_REUSED"
    assert len(log.records[0]) == 1


async def test_version_mismatch_reports_expected_and_actual_version(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order(), build_change_quantity("change", 2))
        [answer] = await server.handle(build_confirm_order(expected_version=1))
    assert require_refusal_reason(answer) == "VERSION_MISMATCH"
    assert isinstance(answer, Refusal)
    assert answer.facts == {"expected": "1", "actual": "2"}


async def test_expected_version_0_requires_that_order_does_not_exist(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        answers = await server.handle(
            build_place_order(expected_version=0), build_place_order("other", expected_version=0)
        )
    assert require_accepted(answers[0]).fact.version == 1
    assert require_refusal_reason(answers[1]) == "VERSION_MISMATCH"


async def test_retry_gets_receipt_despite_outdated_expected_version(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        [first] = await server.handle(build_confirm_order(expected_version=1))
        [replay] = await server.handle(build_confirm_order(expected_version=1))
    assert require_accepted(replay).fact == require_accepted(first).fact


async def test_validate_only_previews_event_and_appends_nothing(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        preview, refused = await server.handle(
            build_confirm_order(validate_only=True), build_change_quantity("change", 1, validate_only=True)
        )
        [after] = await server.handle(build_confirm_order())
    assert isinstance(preview, Preview)
    assert preview.reading.event.WhichOneof("event") == "order_confirmed"
    assert preview.reading.event.order_version == 2
    assert require_refusal_reason(refused) == "NOTHING_CHANGES"
    assert not require_accepted(after).replayed
    assert len(log.records[0]) == 2


async def test_atomic_log_takes_batch_on_one_order_in_one_append() -> None:
    log = FaultyLog(atomic=True)
    async with RunningWriter(log) as server:
        answers = await server.handle(
            build_place_order(),
            build_change_quantity("change", 2),
            build_confirm_order(),
            build_change_quantity("too late", 3),
        )
    assert [require_accepted(answer).fact.version for answer in answers[:3]] == [1, 2, 3]
    assert require_refusal_reason(answers[3]) == "STATUS_FORBIDS"
    assert log.appends == [3]


async def test_non_atomic_log_takes_one_record_of_an_order_in_each_append() -> None:
    log = FaultyLog(atomic=False)
    async with RunningWriter(log) as server:
        answers = await server.handle(
            build_place_order(),
            build_place_order("other", "order-2"),
            build_change_quantity("change", 2),
            build_confirm_order(),
        )
    assert [require_accepted(answer).fact.version for answer in answers] == [1, 1, 2, 3]
    assert log.appends == [2, 1, 1]


async def test_commands_on_one_order_are_decided_in_arrival_order(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        answers = await server.handle(
            build_place_order(), *(build_change_quantity(f"change-{n}", n) for n in range(2, 20))
        )
    assert [require_accepted(answer).fact.version for answer in answers] == list(range(1, 20))


async def test_fact_is_never_older_than_its_predecessor(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        server.now -= 3600 * SECOND
        [answer] = await server.handle(build_confirm_order())
    assert require_accepted(answer).fact.version == 2
    assert record_time(log, 1) == START_NS


async def test_full_queue_refuses_command_in_one_batch_and_answers_queued_ones(log: FaultyLog) -> None:
    async with RunningWriter(log, capacity=2) as server:
        waiting = [prepare_attempt(build_place_order()), prepare_attempt(build_place_order("other", "order-2"))]
        for attempt in waiting:
            server.writer.queue.submit(attempt)
        with pytest.raises(Refused) as error:
            server.writer.queue.submit(prepare_attempt(build_confirm_order()))
        assert require_refusal_reason(error.value.refusal) == "OVERLOADED"
        assert [require_accepted(await attempt.answer).fact.version for attempt in waiting] == [1, 1]
        await server.writer.queue.wait_for_space(prepare_attempt(build_confirm_order()))
        [answer] = await server.handle(build_confirm_order())
    assert require_accepted(answer).fact.version == 2


async def test_call_cancelled_before_decision_appends_no_record(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        attempt = prepare_attempt(build_place_order())
        server.writer.queue.submit(attempt)
        attempt.answer.cancel()
        await server.writer.queue.join()
    assert log.records[0] == []


async def test_defect_in_one_decision_does_not_affect_other_commands(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        undecidable = prepare_attempt(build_confirm_order())
        undecidable.command = OrderConfirmed()  # type: ignore[assignment]  # no command, as a defect would be
        server.writer.queue.submit(undecidable)
        [answer] = await server.handle(build_change_quantity("change", 2))
        assert require_refusal_reason(await undecidable.answer) == "INTERNAL"
    assert require_accepted(answer).fact.version == 2


@pytest.mark.parametrize("request_after", [build_change_quantity("change", 2), build_change_quantity("refused", 1)])
async def test_log_that_lost_records_stops_writer(log: FaultyLog, request_after: Any) -> None:
    async with RunningWriter(log) as server:
        await server.handle(build_place_order())
        log.records[0].clear()
        server.writer.queue.submit(prepare_attempt(request_after))
        with pytest.raises(LogDamaged, match="it had 1 records"):
            await asyncio.wait_for(server.task, 10)


async def test_orders_of_one_batch_are_folded_separately() -> None:
    log = MemoryLog()
    async with RunningWriter(log) as server:
        add = AddOrderLineRequest(order_id=ORDER, request_id="add", line=build_line("pear"))
        await server.handle(build_place_order(), build_place_order("other", "order-2"), add)
        orders = [server.fold.aggregate(order).order for order in (ORDER, "order-2")]
    products = [[line.product_id for line in order.lines] for order in orders if order]
    assert products == [["apple", "pear"], ["apple"]]
