"""The contract of logs, for the log in memory and the embedded one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.log.contract import AtomicAppends, Durability, LogContract
from tests.log.memory import MemoryLog

from ordertrail_server.log.embedded.log import EmbeddedLog


class TestMemoryLog(LogContract, AtomicAppends):
    @pytest.fixture(params=[1, 3])
    def log(self, request: pytest.FixtureRequest) -> MemoryLog:
        return MemoryLog(partitions=request.param)


class TestMemoryLogWithoutAtomicAppends(LogContract):
    @pytest.fixture(params=[1, 3])
    def log(self, request: pytest.FixtureRequest) -> MemoryLog:
        return MemoryLog(partitions=request.param, atomic=False)


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
