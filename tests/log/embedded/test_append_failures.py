"""Failed appends lose no record, leave no part of a batch, and do not prevent later appends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.log.contract import SOON, build_entries, build_entry, build_logged_records, find_orders_of_partition
from tests.storage.file_size_limit import limit_file_size

from ordertrail_server.log.embedded.file import LOG_FILE
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.connection import connect_writer


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.create(tmp_path, partitions=2)
    await log.append(0, build_entries(10))
    yield log
    await log.close()


@contextmanager
def limit_pages(log: EmbeddedLog, pages: int) -> Iterator[None]:
    """Limit the file to this number of pages. Above it, SQLite fails as on a full disk (SQLITE_FULL)."""
    connection = log._appender._connection
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.execute("PRAGMA max_page_count = 4294967294")


def test_commit_is_durable_when_it_returns(log: EmbeddedLog) -> None:
    (synchronous,) = log._appender._connection.execute("PRAGMA synchronous").fetchone()
    (journal,) = log._appender._connection.execute("PRAGMA journal_mode").fetchone()
    assert (synchronous, journal) == (2, "wal")  # 2 is FULL


async def test_append_to_a_full_disk_fails_whole_and_later_ones_succeed(log: EmbeddedLog) -> None:
    with limit_pages(log, 20):
        for _ in range(2):
            with pytest.raises(LogUnavailable, match="nothing was appended: database or disk is full"):
                await log.append(0, [build_entry(find_orders_of_partition(0)[0], 1, previous=b"x" * 10_000)] * 20)
            assert await log.end(0) == 10
        assert await log.append(0, build_entries(1, 10)) == [10]
    assert await log.append(0, build_entries(500, 11)) == list(range(11, 511))
    assert await log.read(0, 0, 1000) == build_logged_records(build_entries(511))


async def test_append_after_a_failed_commit_goes_to_the_end_of_the_file(log: EmbeddedLog, tmp_path: Path) -> None:
    with limit_file_size((tmp_path / "log.sqlite-wal").stat().st_size), pytest.raises(AppendUncertain):
        await log.append(0, build_entries(100, 10))
    end = await log.end(0)
    assert end in (10, 110)
    assert await log.append(0, build_entries(5, end)) == list(range(end, end + 5))
    assert await log.read(0, 0, 1000) == build_logged_records(build_entries(end + 5))
    await log.close()
    reopened_log = EmbeddedLog.open(tmp_path)
    assert await reopened_log.read(0, 0, 1000) == build_logged_records(build_entries(end + 5))
    await reopened_log.close()


async def test_end_is_read_from_the_file_after_a_failed_append(log: EmbeddedLog, tmp_path: Path) -> None:
    with closing(connect_writer(tmp_path / LOG_FILE)) as another:
        [record] = build_entries(1, 10)
        another.execute("INSERT INTO records VALUES (10, ?, ?, ?)", [*record, digest(record.value)])
    with pytest.raises(LogUnavailable, match="nothing was appended: the log is append-only"):
        await log.append(0, build_entries(1, 10))
    assert await log.end(0) == 11
    assert await log.append(0, build_entries(1, 11)) == [11]


async def test_invalid_record_fails_its_batch_only(log: EmbeddedLog) -> None:
    with pytest.raises(UnicodeEncodeError):
        await log.append(0, [*build_entries(3, 10), Entry("\ud800", b"a lone surrogate is not encodable")])
    assert await log.end(0) == 10
    assert await log.append(0, build_entries(3, 10)) == [10, 11, 12]
    assert await log.read(0, 0, 100) == build_logged_records(build_entries(13))


async def test_calls_on_a_closed_log_raise_log_unavailable(log: EmbeddedLog) -> None:
    await log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await log.append(0, build_entries(1))
    with pytest.raises(LogUnavailable, match="closed"):
        await log.read(0, 0, 1)
    await log.close()


async def test_close_ends_a_wait_with_log_unavailable(log: EmbeddedLog) -> None:
    wait_task = asyncio.ensure_future(log.wait(0, 10))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await asyncio.wait_for(wait_task, SOON)


async def test_close_finishes_running_appends(log: EmbeddedLog, tmp_path: Path) -> None:
    append_task = [asyncio.ensure_future(log.append(0, build_entries(5, 10 + 5 * number))) for number in range(20)]
    await asyncio.sleep(0)
    await log.close()
    assert [offsets[0] for offsets in await asyncio.gather(*append_task)] == list(range(10, 110, 5))
    reopened_log = EmbeddedLog.open(tmp_path)
    assert await reopened_log.read(0, 0, 1000) == build_logged_records(build_entries(110))
    await reopened_log.close()
