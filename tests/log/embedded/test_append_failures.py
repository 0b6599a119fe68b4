"""Appends that fail: nothing is lost, nothing is half there, and the log goes on."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.log.contract import SOON, entries, entry, logged, orders_of
from tests.storage.file_size_limit import limit_file_size

from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.connection import connect_writer


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.create(tmp_path, partitions=2)
    await log.append(0, entries(10))
    yield log
    await log.close()


@contextmanager
def room_for_pages(log: EmbeddedLog, pages: int) -> Iterator[None]:
    """Let the file grow to so many pages only: SQLite then fails as it does on a full disk (SQLITE_FULL)."""
    connection = log._appender._connection
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.execute("PRAGMA max_page_count = 4294967294")


def test_every_commit_of_the_log_is_durable_when_it_returns(log: EmbeddedLog) -> None:
    (synchronous,) = log._appender._connection.execute("PRAGMA synchronous").fetchone()
    (journal,) = log._appender._connection.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, journal) == (2, "wal")  # 2 is FULL


async def test_a_full_disk_refuses_the_append_whole_and_the_log_goes_on_when_there_is_room(log: EmbeddedLog) -> None:
    with room_for_pages(log, 20):
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="nothing was appended: database or disk is full"):
                await log.append(0, [entry(orders_of(0)[0], 1, previous=b"x" * 10_000)] * 20)
            assert await log.end(0) == 10
        assert await log.append(0, entries(1, 10)) == [10]
    assert await log.append(0, entries(500, 11)) == list(range(11, 511))
    assert await log.read(0, 0, 1000) == logged(entries(511))


async def test_a_commit_that_fails_is_uncertain_and_the_next_append_goes_where_the_file_ends(
    log: EmbeddedLog, tmp_path: Path
) -> None:
    with limit_file_size((tmp_path / "log.sqlite-wal").stat().st_size), pytest.raises(AppendUncertain):
        await log.append(0, entries(100, 10))
    end = await log.end(0)
    assert end in (10, 110)
    assert await log.append(0, entries(5, end)) == list(range(end, end + 5))
    assert await log.read(0, 0, 1000) == logged(entries(end + 5))
    await log.close()
    again = EmbeddedLog.open(tmp_path)
    assert await again.read(0, 0, 1000) == logged(entries(end + 5))
    await again.close()


async def test_after_a_failure_the_log_looks_in_the_file_for_its_end(log: EmbeddedLog, tmp_path: Path) -> None:
    with closing(connect_writer(tmp_path / LOG_FILE)) as another:
        [stored] = entries(1, 10)
        another.execute("INSERT INTO records VALUES (10, ?, ?, ?)", [*stored, digest(stored.value)])
    with pytest.raises(LogUnavailable, match="nothing was appended: the log is append-only"):
        await log.append(0, entries(1, 10))
    assert await log.end(0) == 11
    assert await log.append(0, entries(1, 11)) == [11]


async def test_a_record_that_cannot_be_stored_takes_its_batch_with_it_and_nothing_else(log: EmbeddedLog) -> None:
    with pytest.raises(UnicodeEncodeError):
        await log.append(0, [*entries(3, 10), Entry("\ud800", b"half a pair is no text")])
    assert await log.end(0) == 10
    assert await log.append(0, entries(3, 10)) == [10, 11, 12]
    assert await log.read(0, 0, 100) == logged(entries(13))


async def test_a_closed_log_refuses_every_call_but_closing(log: EmbeddedLog) -> None:
    await log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await log.append(0, entries(1))
    with pytest.raises(LogUnavailable, match="closed"):
        await log.read(0, 0, 1)
    await log.close()


async def test_who_waits_on_a_log_that_is_closed_is_told_so(log: EmbeddedLog) -> None:
    waiting = asyncio.ensure_future(log.wait(0, 10))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await asyncio.wait_for(waiting, SOON)


async def test_closing_finishes_the_appends_that_have_begun(log: EmbeddedLog, tmp_path: Path) -> None:
    appending = [asyncio.ensure_future(log.append(0, entries(5, 10 + 5 * number))) for number in range(20)]
    await asyncio.sleep(0)
    await log.close()
    assert [offsets[0] for offsets in await asyncio.gather(*appending)] == list(range(10, 110, 5))
    again = EmbeddedLog.open(tmp_path)
    assert await again.read(0, 0, 1000) == logged(entries(110))
    await again.close()
