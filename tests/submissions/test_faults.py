"""Submitted commands keep their promises when the log of commands fails, clocks differ, or a command is stopped."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running_handler import handle
from tests.commands.sample_requests import build_change_quantity, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import NOW, SECOND, Server, build_command, id_of, run_server
from tests.submissions.unreadable_command import store_unreadable_command
from tests.submissions.viewer import VIEWER

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.error_reason_pb2 import ERROR_REASON_ORDER_NOT_FOUND
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.prepare import Caller
from ordertrail_server.log.port import AppendUncertain, Entry, Logged, LogUnavailable
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.submitted_command import SubmittedCommand, write_submitted
from ordertrail_server.submissions.command_index import State
from ordertrail_server.submissions.submitter import Conditions

SOON = 3.0  # seconds: a limit for something that must happen


class FailingCommands(MemoryLog):
    """A log of commands whose next append stores only its last message, or whose wait fails during an append."""

    topic = "orders.commands"

    def __init__(self) -> None:
        super().__init__(atomic=False)
        self.loses_first = False
        self.delay_s = 0.0
        self.failure = asyncio.Event()

    async def append(self, partition: int, entries: Sequence[Entry]) -> list[int]:
        if self.loses_first:
            self.loses_first = False
            self.land(partition, entries[-1])
            await asyncio.sleep(self.delay_s)
            raise AppendUncertain("the broker did not answer for the first message")
        await asyncio.sleep(self.delay_s)
        return await super().append(partition, entries)

    async def wait(self, partition: int, offset: int) -> None:
        waits = [asyncio.ensure_future(super().wait(partition, offset)), asyncio.ensure_future(self.failure.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self.failure.is_set():
            self.failure.clear()
            raise LogUnavailable("no broker answers")


class StaleLog(MemoryLog):
    """A log of events whose next reads go to a replaced leader, which does not have the newest records."""

    stale_reads = 0

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        if self.stale_reads:
            self.stale_reads -= 1
            return []
        return await super().read(partition, offset, limit)


@pytest.fixture
async def commands() -> FailingCommands:
    return FailingCommands()


@pytest.fixture
def log(commands: FailingCommands) -> StaleLog:
    log = StaleLog(atomic=False)
    log._commands = commands
    return log


@asynccontextmanager
async def run_servers(log: MemoryLog, directory: Path, *clocks: int) -> AsyncIterator[list[Server]]:
    async with AsyncExitStack() as stack:
        starts = (run_server(log, directory / f"{n}", [clock], grace_s=0.5) for n, clock in enumerate(clocks))
        yield [await stack.enter_async_context(start) for start in starts]


def read_links(log: MemoryLog) -> list[str]:
    """Return the request ids of the links of the only order."""
    links, newest = list[str](), b""
    for logged in log.records[0]:
        record = Record.FromString(logged.value)
        if record.previous == newest and record.order_id:
            links.append(record.cause.request_id)
            newest = logged.digest
    return links


async def defer(server: Server, *requests: Any) -> list[str]:
    """Submit the requests without a decision; return the ids of the commands."""
    return [id_of(result) for result in await server.submit(*requests, defer_decision=True)]


def store_command(commands: MemoryLog, request: Any, submit_time: int) -> str:
    """Store a command as a server does whose clock shows that time; return the id of the command."""
    name: str = request.request_id
    digest = name.encode()
    command = SubmittedCommand(
        name, request.order_id, name, digest, submit_time, None, "", "", None, build_command(request), ""
    )
    commands.land(0, Entry(request.order_id, write_submitted(command)))
    return name


async def wait_stopped(server: Server, command_id: str) -> None:
    await server.store.logs[0].catch_up()
    async with asyncio.timeout(SOON), aclosing(server.finder.watch(command_id, VIEWER)) as states:
        async for command in states:
            if command.stop_reason:
                return


async def test_commands_of_an_order_keep_their_order_on_servers_whose_clocks_differ(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path
) -> None:
    changes = [build_change_quantity(f"change-{number}", number + 2) for number in range(4)]
    async with run_servers(log, tmp_path, NOW) as [server]:
        await server.decide(build_place_order())
    ids = [store_command(commands, change, NOW - number * SECOND) for number, change in enumerate(changes)]
    async with run_servers(log, tmp_path, NOW) as [server]:
        for command_id in ids:
            await server.wait_decided(command_id)
    assert read_links(log) == ["place", *ids]


async def test_retry_of_a_submission_keeps_the_order_of_its_commands(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path
) -> None:
    async with run_servers(log, tmp_path, NOW) as [server]:
        commands.loses_first = True
        requests = build_place_order(), build_change_quantity("change", 7)
        results = await server.submit(*requests, defer_decision=True)
        assert all(isinstance(result, Refusal) for result in results)
        decided_commands = await server.decide(*requests, defer_decision=True)
    assert [command.state for command in decided_commands] == [State.ACCEPTED, State.ACCEPTED]


async def test_submission_is_answered_if_the_log_of_commands_fails_meanwhile(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path
) -> None:
    async with run_servers(log, tmp_path, NOW) as [server]:
        await server.decide(build_place_order())
        commands.delay_s = 0.2
        appended = asyncio.create_task(server.submit(build_change_quantity("appended", 7), defer_decision=True))
        await asyncio.sleep(commands.delay_s / 2)
        queued = asyncio.create_task(server.submit(build_change_quantity("queued", 8), defer_decision=True))
        await asyncio.sleep(0)
        commands.failure.set()
        done, _ = await asyncio.wait([appended, queued], timeout=SOON)
        queued.cancel()
    assert [task.cancelled() for task in (appended, queued)] == [False, False]
    assert done == {appended, queued}


async def test_failed_submission_of_a_caller_that_is_gone_is_no_defect(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "ordertrail_server")  # log records would keep the failure alive
    defects = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: defects.append(context))
    async with run_servers(log, tmp_path, NOW) as [server]:
        commands.loses_first, commands.delay_s = True, 0.1
        requests = build_place_order(), build_change_quantity("change", 7)
        call = asyncio.create_task(server.submit(*requests, defer_decision=True))
        while not commands.records[0]:  # noqa: ASYNC110 (another task stores it)
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await server.decide(build_place_order("next", "order-2"))
        del call
        gc.collect()
        await asyncio.sleep(0)
    assert defects == []


async def test_query_gets_no_internal_error_while_the_log_of_commands_fails(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path
) -> None:
    async with run_servers(log, tmp_path, NOW) as [server]:
        [placed] = await server.decide(build_place_order())
        await server.store.flush()
        commands.failure.set()
        for _ in range(1_000):
            with suppress(Refused):
                assert server.finder.find(placed.command.command_id, VIEWER).link == placed.link
            await asyncio.sleep(0)


async def test_unary_call_gets_a_recorded_refusal_although_a_replaced_leader_answers(
    log: StaleLog, tmp_path: Path
) -> None:
    async with run_servers(log, tmp_path, NOW) as [server]:
        [refused] = await server.decide(build_change_quantity("early", 7), defer_decision=True)
        log.stale_reads = 1
        async with asyncio.timeout(SOON):
            [answer] = await handle(server.handler, [build_change_quantity("early", 7)])
    assert refused.link is not None
    assert isinstance(answer, Refusal)
    assert answer.reason == ERROR_REASON_ORDER_NOT_FOUND


async def test_query_shows_a_recorded_refusal_although_a_replaced_leader_answers(log: StaleLog, tmp_path: Path) -> None:
    async with run_servers(log, tmp_path, NOW) as [server]:
        [refused] = await server.decide(build_change_quantity("early", 7), defer_decision=True)
        log.stale_reads = 1
        assert refused.link is not None
        assert (await server.handler.read_refusal("order-1", refused.link)).details


async def test_token_of_a_repeated_submission_includes_its_commands(log: MemoryLog, tmp_path: Path) -> None:
    conditions = Conditions(defer_decision=True, not_before=None, caller=Caller(FULL_RIGHTS, "tester"), deadline=inf)
    async with run_servers(log, tmp_path, NOW) as [server]:
        submissions = [[build_command(build_place_order())] for _ in range(2)]
        ends = [(await server.submitter.submit(commands, conditions))[1] for commands in submissions]
    assert ends == [{0: 1}, {0: 1}]


async def test_order_continues_on_all_servers_once_one_of_them_rejects_a_stopped_command(
    log: MemoryLog, commands: FailingCommands, tmp_path: Path
) -> None:
    async with run_servers(log, tmp_path, NOW, NOW) as [first, second]:
        await first.decide(build_place_order())
        store_unreadable_command(log)
        for server in first, second:
            await wait_stopped(server, "unreadable")
        [later_command] = await defer(first, build_change_quantity("behind", 7))
        await second.store.logs[0].catch_up()
        watch = asyncio.create_task(second.wait_decided(later_command))
        await asyncio.sleep(0)
        await first.finder.reject("unreadable", VIEWER, "not wanted", inf)
        await first.wait_decided(later_command)
        done, _ = await asyncio.wait([watch], timeout=SOON)
        watch.cancel()
    assert done == {watch}
