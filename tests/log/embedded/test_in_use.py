"""Waiting for a log that another process keeps open, while the directory stays locked."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.embedded.in_use import open_when_free
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import BARRIER
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.lock import DataDirectoryBusy, is_locked


@pytest.mark.parametrize("open_log", [open_to_serve, EmbeddedLog.open])
async def test_lock_is_held_between_two_attempts_to_open(tmp_path: Path, open_log: Callable[..., EmbeddedLog]) -> None:
    log = open_to_serve(tmp_path)
    async with AsyncExitStack() as stack:
        with closing(connect_reader(tmp_path / "log.sqlite")) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM records").fetchone()
            await log.append(0, [BARRIER])
            await log.close()
            opening = asyncio.create_task(open_when_free(partial(open_log, tmp_path), stack))
            await asyncio.sleep(0)  # the first attempt, which does not yield
            assert not opening.done()
            with pytest.raises(DataDirectoryBusy, match=f"pid {os.getpid()}"):
                open_to_serve(tmp_path)
        await (await opening).close()
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
