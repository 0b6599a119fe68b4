"""Records that are not projected yet take limited memory: unary commands are refused meanwhile, batches wait."""

import asyncio
from pathlib import Path

import pytest
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import create_handler, project_once
from tests.commands.running_writer import RunningWriter, require_accepted, require_refusal_reason
from tests.commands.sample_requests import build_confirm_order, build_place_order, prepare_attempt
from tests.log.memory import MemoryLog

from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.log.port import AppendUncertain, Entry
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refused

TAIL_BYTES = 20_000


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> FaultyLog:
    return FaultyLog(atomic=request.param)


def tail_size(server: RunningWriter) -> int:
    return server.fold._tail.size


async def fill_tail(server: RunningWriter) -> int:
    """Place orders until the writer refuses one; return how many were placed."""
    number = 0
    while server.writer.queue.has_space(prepare_attempt(build_place_order())):
        [answer] = await server.handle(build_place_order(f"place-{number}", f"order-{number}"))
        require_accepted(answer)
        number += 1
    with pytest.raises(Refused) as error:
        await server.handle(build_place_order())
    assert require_refusal_reason(error.value.refusal) == "OVERLOADED"
    return number


async def test_unary_commands_are_refused_while_too_many_records_are_not_projected(log: FaultyLog) -> None:
    async with RunningWriter(log, tail_bytes=TAIL_BYTES) as server:
        count = await fill_tail(server)
        assert TAIL_BYTES <= tail_size(server) < 1.5 * TAIL_BYTES
        assert len(log.records[0]) == count
        server.project()
        assert tail_size(server) == 0
        [answer] = await server.handle(build_confirm_order(order_id="order-0"))
    assert require_accepted(answer).fact.version == 2


async def test_overloaded_refusal_says_when_to_retry() -> None:
    async with RunningWriter(MemoryLog(), tail_bytes=1) as server:
        await server.handle(build_place_order())
        with pytest.raises(Refused) as error:
            server.writer.queue.submit(prepare_attempt(build_confirm_order()))
    status = status_of(error.value.refusal)
    assert any(detail.type_url.endswith("google.rpc.RetryInfo") for detail in status.details)


async def answer_of(attempt: Attempt) -> Answer:
    async with asyncio.timeout(30):
        return await attempt.answer


async def test_commands_of_batches_wait_until_records_are_projected(log: FaultyLog) -> None:
    batch = [prepare_attempt(build_place_order(f"batched-{number}", f"order-b{number}")) for number in range(50)]
    async with RunningWriter(log, tail_bytes=TAIL_BYTES) as server:
        for attempt in batch:
            attempt.is_batched = True
            server.writer.queue.submit(attempt)
        await answer_of(batch[0])
        another = prepare_attempt(build_place_order("another", "order-another"))
        another.is_batched = True
        submitting = asyncio.create_task(submit_when_space(server, another))
        while not all(attempt.answer.done() for attempt in [*batch, another]):
            server.project()
            await asyncio.sleep(0)
        await submitting
    assert all(require_accepted(attempt.answer.result()).fact.version == 1 for attempt in [*batch, another])


async def submit_when_space(server: RunningWriter, attempt: Attempt) -> None:
    await server.writer.queue.wait_for_space(attempt)
    server.writer.queue.submit(attempt)


async def test_queued_unary_command_is_refused_and_queued_batch_is_not() -> None:
    log = FaultyLog()
    async with RunningWriter(log, tail_bytes=1) as server:
        log.may_answer.clear()
        first, unary, batched = (
            prepare_attempt(build_place_order(f"place-{number}", f"order-{number}")) for number in range(3)
        )
        batched.is_batched = True
        server.writer.queue.submit(first)
        await log.append_started.wait()
        server.writer.queue.submit(unary)
        server.writer.queue.submit(batched)
        log.may_answer.set()
        require_accepted(await answer_of(first))
        assert require_refusal_reason(await answer_of(unary)) == "OVERLOADED"
        assert not batched.answer.done()
        server.project()
        assert require_accepted(await answer_of(batched)).fact.offset == 1


async def record_of_another_server() -> Entry:
    log = MemoryLog()
    async with RunningWriter(log) as other_server:
        await other_server.handle(build_place_order("other", "order-2"))
    return Entry(*log.records[0][0][1:3])


async def test_command_that_may_be_on_the_log_is_not_refused_as_overloaded(log: FaultyLog) -> None:
    entry = await record_of_another_server()
    async with RunningWriter(log, tail_bytes=1) as server:
        log.may_answer.clear()
        log.errors.append(AppendUncertain())
        attempt = prepare_attempt(build_place_order())
        server.writer.queue.submit(attempt)
        await log.append_started.wait()
        log.land(0, entry)  # fills the tail when the writer reads the log to learn the outcome
        log.may_answer.set()
        assert require_refusal_reason(await answer_of(attempt)) == "UNAVAILABLE"


async def test_record_that_is_reported_before_it_is_folded_takes_no_memory(log: FaultyLog) -> None:
    async with RunningWriter(log) as server:
        log.may_answer.clear()
        attempt = prepare_attempt(build_place_order())
        server.writer.queue.submit(attempt)
        await log.append_started.wait()
        log.may_answer.set()
        while not log.records[0]:  # noqa: ASYNC110 (until the record is on the log, before the writer folds it)
            await asyncio.sleep(0)
        server.project()
        fact = require_accepted(await answer_of(attempt)).fact
        assert tail_size(server) == 0
        assert server.fold.receipt("order-1", "place") == fact
        assert server.fold.aggregate("order-1").version == 1


async def test_handler_whose_tail_is_full_at_the_start_waits_for_the_projector(tmp_path: Path) -> None:
    log = FaultyLog()
    await project_once(log, tmp_path)
    async with RunningWriter(log) as server:
        await server.handle(*(build_place_order(f"place-{number}", f"order-{number}") for number in range(30)))
    handler = create_handler(log, tmp_path, Progress(), tail_bytes=TAIL_BYTES)
    running = asyncio.create_task(handler.run())
    while not (handler._writers and handler._writers[0].fold.is_behind):  # noqa: ASYNC110 (there is no event)
        await asyncio.sleep(0)
    assert not handler.is_ready
    await project_once(log, tmp_path)
    handler.note_projected({0: 30})
    await asyncio.wait_for(handler.wait_until_ready(), 30)
    await handler.stop()
    await running
