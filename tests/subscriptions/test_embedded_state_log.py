from pathlib import Path

import pytest
from tests.subscriptions.state_log_contract import StateLogContract
from tests.subscriptions.state_records import created

from ordertrail_server.storage.sqlite import sqlite3
from ordertrail_server.subscriptions.embedded_state_log import EmbeddedStateLog
from ordertrail_server.subscriptions.state_log import StateDamaged
from ordertrail_server.subscriptions.state_record import StateRecord


class TestEmbeddedStateLog(StateLogContract):
    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path / "subscriptions.sqlite"

    async def open(self) -> EmbeddedStateLog:
        return await EmbeddedStateLog.open(self.path)

    async def test_file_of_a_newer_release_is_refused(self) -> None:
        await (await self.open()).close()
        with sqlite3.connect(self.path) as connection:
            connection.execute("PRAGMA user_version = 2")
        connection.close()
        with pytest.raises(StateDamaged, match="format 2"):
            await self.open()

    async def test_damaged_file_is_refused_with_what_to_do(self) -> None:
        log = await self.open()
        await log.append([created()] * 50)
        await log.close()
        content = bytearray(self.path.read_bytes())
        content[len(content) // 2] ^= 0x10
        self.path.write_bytes(content)
        with pytest.raises(StateDamaged, match="Restore it from a backup"):
            await self.read_again()

    async def read_again(self) -> list[StateRecord]:
        log = await self.open()
        try:
            return await log.read()
        finally:
            await log.close()
