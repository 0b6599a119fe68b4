"""A damaged index is found when it is read, and built again from the log of commands."""

import asyncio
from pathlib import Path

import pytest
from tests.commands.sample_requests import build_confirm_order, build_place_order
from tests.log.memory import MemoryLog
from tests.submissions.running_store import SOON, run_server
from tests.submissions.viewer import VIEWER

from ordertrail_server.log.port import LogDamaged
from ordertrail_server.orders.refusal import Refused


async def test_damaged_index_is_built_again(tmp_path: Path) -> None:
    log = MemoryLog()
    async with run_server(log, tmp_path) as server:
        before = await server.decide(build_place_order(), build_confirm_order())
    [index] = (tmp_path / "commands").glob("*.sqlite")
    content = bytearray(index.read_bytes())
    content[5000] ^= 1
    index.write_bytes(content)
    async with run_server(log, tmp_path) as server:
        with pytest.raises(Refused, match="retry shortly"), server.store.refuse_damage():
            server.finder.find(before[0].command.command_id, VIEWER)
        await server.store.wait_ready(asyncio.get_running_loop().time() + SOON)
        assert [await server.wait_decided(command.command.command_id) for command in before] == before


async def test_index_that_is_ahead_of_its_log_stops_the_server(tmp_path: Path) -> None:
    log = MemoryLog()
    async with run_server(log, tmp_path) as server:
        await server.decide(build_place_order())
    assert isinstance(log.commands, MemoryLog)
    log.commands.records[0].clear()
    with pytest.raises(LogDamaged, match="lost records"):
        async with run_server(log, tmp_path):
            pass
