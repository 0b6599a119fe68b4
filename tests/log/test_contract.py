"""The contract of logs, for the log in memory and the embedded one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.log.contract import AtomicAppends, Durability, LogContract, build_entries, build_logged_records
from tests.log.memory import MemoryLog

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import AppendLog


def commands_of(log: EmbeddedLog) -> AppendLog:
    assert log.commands is not None
    return log.commands


class TestMemoryLog(LogContract, AtomicAppends):
    @pytest.fixture(params=[1, 3])
    def log(self, request: pytest.FixtureRequest) -> MemoryLog:
        return MemoryLog(partitions=request.param)


class TestMemoryLogWithoutAtomicAppends(LogContract):
    @pytest.fixture(params=[1, 3])
    def log(self, request: pytest.FixtureRequest) -> MemoryLog:
        return MemoryLog(partitions=request.param, atomic=False)


class TestEmbeddedLogOfCommands(LogContract, AtomicAppends, Durability):
    topic = "orders.commands"

    @pytest.fixture(params=[1, 3])
    def events(self, request: pytest.FixtureRequest, tmp_path: Path) -> EmbeddedLog:
        return EmbeddedLog.create(tmp_path, partitions=request.param)

    @pytest.fixture
    async def log(self, events: EmbeddedLog) -> AsyncIterator[AppendLog]:
        yield commands_of(events)
        await events.close()

    @pytest.fixture
    async def reopen(self, events: EmbeddedLog, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[AppendLog]]]:
        logs = [events]

        async def reopen() -> AppendLog:
            await logs[-1].close()
            logs.append(EmbeddedLog.open(tmp_path))
            return commands_of(logs[-1])

        yield reopen
        await logs[-1].close()

    async def test_records_and_commands_are_apart(self, events: EmbeddedLog) -> None:
        await events.append(0, build_entries(2))
        assert await commands_of(events).end(0) == 0
        await commands_of(events).append(0, build_entries(1, 10))
        assert await events.end(0) == 2
        assert await commands_of(events).read(0, 0, 9) == build_logged_records(build_entries(1, 10))


class TestEmbeddedLog(LogContract, AtomicAppends, Durability):
    @pytest.fixture(params=[1, 3])
    async def log(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
        log = EmbeddedLog.create(tmp_path, partitions=request.param)
        yield log
        await log.close()

    @pytest.fixture
    async def reopen(self, log: EmbeddedLog, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[EmbeddedLog]]]:
        logs = [log]

        async def reopen() -> EmbeddedLog:
            await logs[-1].close()
            logs.append(EmbeddedLog.open(tmp_path))
            return logs[-1]

        yield reopen
        await logs[-1].close()
