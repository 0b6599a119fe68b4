"""A submitted command is decided once, in the order of its order's commands, and its outcome never changes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.commands.running_handler import handle
from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import build_change_quantity, build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import NOW, SECOND, SOON, Server, id_of, run_server
from tests.submissions.unreadable_command import store_unreadable_command
from tests.submissions.viewer import VIEWER

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_NOTHING_CHANGES,
    ERROR_REASON_ORDER_NOT_FOUND,
    ERROR_REASON_REQUEST_ID_REUSED,
)
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.submissions.command_index import State


@pytest.fixture(params=[True, False], ids=["atomic", "record by record"])
def log(request: pytest.FixtureRequest) -> MemoryLog:
    return MemoryLog(atomic=request.param)


@pytest.fixture
def clock() -> list[int]:
    return [NOW]


@pytest.fixture
async def server(log: MemoryLog, tmp_path: Path, clock: list[int]) -> AsyncIterator[Server]:
    async with run_server(log, tmp_path, clock) as server:
        yield server


def read_records(log: MemoryLog) -> list[Record]:
    return [Record.FromString(logged.value) for logged in log.records[0] if logged.value]


async def test_commands_of_one_submission_are_decided_one_after_another(server: Server, log: MemoryLog) -> None:
    commands = await server.decide(build_place_order(), build_change_quantity("change", 7), build_confirm_order())
    assert [command.state for command in commands] == [State.ACCEPTED] * 3
    assert [record.cause.request_id for record in read_records(log)] == ["place", "change", "confirm"]
    assert {record.actor for record in read_records(log)} == {"tester"}


async def test_refusal_is_a_link_of_the_orders_chain(server: Server, log: MemoryLog) -> None:
    commands = await server.decide(build_place_order(), build_confirm_order("first"), build_confirm_order("second"))
    assert [command.state for command in commands] == [State.ACCEPTED, State.ACCEPTED, State.REFUSED]
    refusal = read_records(log)[-1]
    assert (refusal.order_version, refusal.cause.request_id) == (2, "second")
    assert refusal.previous == log.records[0][-2].digest
    [answer] = await handle(server.handler, [build_change_quantity("late", 3)])
    assert isinstance(answer, Refusal)


async def test_command_that_would_be_refused_now_is_not_stored(server: Server, log: MemoryLog) -> None:
    [refusal] = await server.submit(build_confirm_order())
    assert isinstance(refusal, Refusal)
    assert refusal.reason == ERROR_REASON_ORDER_NOT_FOUND
    assert log.commands is not None
    assert await log.commands.end(0) == 0


async def test_refusal_of_an_order_that_does_not_exist_lets_it_be_placed_later(server: Server, log: MemoryLog) -> None:
    [refused] = await server.decide(build_confirm_order("early"), defer_decision=True)
    [placed] = await server.decide(build_place_order())
    assert (refused.state, placed.state) == (State.REFUSED, State.ACCEPTED)
    first, second = read_records(log)
    assert (first.order_version, second.order_version) == (0, 1)
    assert second.previous == log.records[0][0].digest


async def test_retry_of_a_submission_gets_the_same_command(server: Server, log: MemoryLog) -> None:
    [first] = await server.decide(build_place_order())
    [second] = await server.decide(build_place_order())
    assert first == second
    assert log.commands is not None
    assert await log.commands.end(0) == 1


async def test_request_id_of_a_submitted_command_cannot_be_used_for_another_one(server: Server) -> None:
    await server.decide(build_place_order())
    await server.decide(build_change_quantity("change", 7))
    [refusal] = await server.submit(build_change_quantity("change", 8))
    assert isinstance(refusal, Refusal)
    assert refusal.reason == ERROR_REASON_REQUEST_ID_REUSED


async def test_unary_call_and_submission_with_one_request_id_share_the_receipt(server: Server, log: MemoryLog) -> None:
    [accepted] = await handle(server.handler, [build_place_order()])
    [command] = await server.decide(build_place_order())
    assert command.link is not None
    assert command.link.digest == require_accepted(accepted).fact.digest
    assert len(read_records(log)) == 1


async def test_unary_call_gets_the_recorded_refusal_of_a_submission(server: Server) -> None:
    await server.decide(build_place_order(), build_confirm_order(), build_confirm_order("second"))
    [answer] = await handle(server.handler, [build_confirm_order("second")])
    assert isinstance(answer, Refusal)
    assert answer.reason == ERROR_REASON_NOTHING_CHANGES


async def test_command_whose_request_id_another_command_took_is_refused_for_ever(
    server: Server, clock: list[int]
) -> None:
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_change_quantity("change", 7), not_before=NOW + SECOND)
    require_accepted((await handle(server.handler, [build_change_quantity("change", 8)]))[0])
    clock[0] += 2 * SECOND
    command = await server.wait_decided(id_of(delayed))
    assert command.state is State.REFUSED
    assert command.link is not None
    assert not command.link.is_refusal


async def test_delayed_command_holds_up_no_later_command_of_its_order(
    server: Server, log: MemoryLog, clock: list[int]
) -> None:
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_change_quantity("delayed", 7), not_before=NOW + 60 * SECOND)
    await server.decide(build_change_quantity("later", 8), defer_decision=True)
    assert server.finder.find(id_of(delayed), VIEWER).state is State.OPEN
    clock[0] += 60 * SECOND
    await server.wait_decided(id_of(delayed))
    assert [record.cause.request_id for record in read_records(log)] == ["place", "later", "delayed"]


async def test_waiting_commands_are_decided_after_a_restart(log: MemoryLog, tmp_path: Path, clock: list[int]) -> None:
    async with run_server(log, tmp_path, clock) as server:
        await server.decide(build_place_order())
        [delayed] = await server.submit(build_confirm_order(), not_before=NOW + SECOND)
    clock[0] += SECOND
    async with run_server(log, tmp_path, clock) as server:
        assert (await server.wait_decided(id_of(delayed))).state is State.ACCEPTED


async def test_lost_index_is_built_again_from_the_log(log: MemoryLog, tmp_path: Path) -> None:
    async with run_server(log, tmp_path) as server:
        before = await server.decide(build_place_order(), build_confirm_order(), build_confirm_order("second"))
    for file in (tmp_path / "commands").iterdir():
        file.unlink()
    async with run_server(log, tmp_path) as server:
        assert [await server.wait_decided(command.command.command_id) for command in before] == before
    assert len(read_records(log)) == 3


async def test_command_that_cannot_be_read_stops_its_order_alone(log: MemoryLog, tmp_path: Path) -> None:
    async with run_server(log, tmp_path) as server:
        await server.decide(build_place_order())
    unreadable = store_unreadable_command(log)
    async with run_server(log, tmp_path) as server:
        [later_command] = await server.submit(build_confirm_order())
        await server.decide(build_place_order("other", "order-2"))
        assert "newer release" in server.finder.find(unreadable, VIEWER).stop_reason
        assert server.finder.find(id_of(later_command), VIEWER).state is State.OPEN
        rejected = await server.finder.reject(unreadable, VIEWER, "not wanted", float("inf"))
        assert rejected.state is State.REFUSED
        assert (await server.wait_decided(id_of(later_command))).state is State.ACCEPTED
    refusals = [record for record in read_records(log) if record.HasField("refusal")]
    assert [refusal.refusal.status.message for refusal in refusals] == ["An operator rejected the command: not wanted"]


async def test_rejection_of_a_decided_command_changes_nothing(server: Server, log: MemoryLog) -> None:
    [placed] = await server.decide(build_place_order())
    assert await server.finder.reject(placed.command.command_id, VIEWER, "too late", float("inf")) == placed
    assert len(read_records(log)) == 1


async def test_waiting_command_can_be_rejected_before_it_is_due(server: Server) -> None:
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_confirm_order(), not_before=NOW + SECOND)
    rejected = await server.finder.reject(id_of(delayed), VIEWER, "changed my mind", float("inf"))
    assert rejected.state is State.REFUSED
    assert rejected.link is not None
    status = await server.handler.read_refusal("order-1", rejected.link)
    assert status.message == "An operator rejected the command: changed my mind"


async def test_rejection_ends_a_watch_and_lets_later_commands_be_refused_at_once(server: Server) -> None:
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_confirm_order(), not_before=NOW + 3600 * SECOND)
    watch_task = asyncio.create_task(server.wait_decided(id_of(delayed)))
    await server.finder.reject(id_of(delayed), VIEWER, "changed my mind", float("inf"))
    assert (await watch_task).state is State.REFUSED
    async with asyncio.timeout(SOON):
        while server.store.logs[0].tail.has_open("order-1"):  # noqa: ASYNC110 (the index is written a moment later)
            await asyncio.sleep(0.01)
    assert isinstance((await server.submit(build_place_order("again")))[0], Refusal)


async def test_watch_sees_that_a_call_has_decided_a_delayed_command(server: Server) -> None:
    await server.decide(build_place_order())
    [delayed] = await server.submit(build_confirm_order(), not_before=NOW + 3600 * SECOND)
    watch_task = asyncio.create_task(server.wait_decided(id_of(delayed)))
    require_accepted((await handle(server.handler, [build_confirm_order()]))[0])
    assert (await watch_task).state is State.ACCEPTED
