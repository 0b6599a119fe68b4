"""A grown -wal file is truncated once no reader needs it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.log.contract import build_entries, build_entry, find_orders_of_partition
from tests.storage.file_size_limit import limit_file_size

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import AppendUncertain
from ordertrail_server.storage import wal_trimmer
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.wal_trimmer import LIMIT_BYTES


@pytest.fixture(autouse=True)
def trim_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal_trimmer, "TRIM_SECONDS", 0.0)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    log = EmbeddedLog.create(tmp_path)
    await log.append(0, build_entries(10))
    yield log
    await log.close()


@pytest.fixture
def wal(tmp_path: Path) -> Path:
    return tmp_path / "log.sqlite-wal"


@contextmanager
def hold_read_transaction(wal: Path) -> Iterator[None]:
    with closing(connect_reader(wal.with_name("log.sqlite"))) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM records").fetchone()
        yield


def get_size(path: Path) -> int:
    return path.stat().st_size


async def grow(log: EmbeddedLog) -> None:
    """Append more than LIMIT_BYTES."""
    for number in range(20):
        await log.append(0, [build_entry(find_orders_of_partition(0)[0], number, previous=b"x" * 500_000)])


async def test_long_wal_file_is_truncated_after_its_last_reader(log: EmbeddedLog, wal: Path) -> None:
    with hold_read_transaction(wal):
        await grow(log)
        grown = get_size(wal)
        assert grown > LIMIT_BYTES
        log._appender.trim()
        assert get_size(wal) == grown
        assert await log.append(0, build_entries(1)) == [30]
    log._appender.trim()
    assert get_size(wal) == 0
    assert await log.append(0, build_entries(1)) == [31]


async def test_short_wal_file_is_not_truncated(log: EmbeddedLog, wal: Path) -> None:
    before = get_size(wal)
    assert before > 0
    log._appender.trim()
    assert get_size(wal) == before


async def test_wal_file_is_not_truncated_between_a_failed_commit_and_the_next_one(log: EmbeddedLog, wal: Path) -> None:
    with hold_read_transaction(wal):
        await grow(log)
    with limit_file_size(get_size(wal)), pytest.raises(AppendUncertain):
        await log.append(0, [build_entry(find_orders_of_partition(0)[0], 1, previous=b"x" * 500_000)])
    before = get_size(wal)
    log._appender.trim()
    assert get_size(wal) == before
    end = await log.end(0)
    assert await log.append(0, build_entries(1)) == [end]
    log._appender.trim()
    assert get_size(wal) == 0
