"""Pools of read-only connections and their threads."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Barrier, get_ident

import pytest

from ordertrail_server.storage.connection import Connection, connect_reader, connect_writer
from ordertrail_server.storage.read_pool import ReadPool
from ordertrail_server.storage.sqlite import sqlite3

SIZE = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "any.sqlite"
    with closing(connect_writer(path)) as connection:
        connection.execute("CREATE TABLE numbers (n)")
    return path


@pytest.fixture
def pool(path: Path) -> Iterator[ReadPool]:
    with ReadPool("reader", SIZE, partial(connect_reader, path)) as pool:
        yield pool


async def test_queries_at_the_same_time_have_a_connection_and_a_thread_each(pool: ReadPool) -> None:
    all_running = Barrier(SIZE, timeout=30)

    def query(connection: Connection) -> tuple[int, int]:
        all_running.wait()
        return id(connection), get_ident()

    connections, threads = zip(*await asyncio.gather(*(pool.run(query) for _ in range(SIZE))), strict=True)
    assert len(set(connections)) == len(set(threads)) == SIZE


async def test_queries_one_after_another_share_a_connection(pool: ReadPool) -> None:
    assert len({await pool.run(id) for _ in range(5)}) == 1


async def test_query_gets_its_arguments(pool: ReadPool) -> None:
    def query(connection: Connection, *values: int) -> tuple[int, int]:
        row: tuple[int, int] = connection.execute("SELECT ?, ?", values).fetchone()
        return row

    assert await pool.run(query, 1, 2) == pool.run_blocking(query, 1, 2) == (1, 2)


async def test_connection_is_reused_after_a_failed_query(pool: ReadPool) -> None:
    connection_id = await pool.run(id)
    with pytest.raises(sqlite3.OperationalError):
        await pool.run(lambda connection: connection.execute("SELECT * FROM missing"))
    assert await pool.run(id) == connection_id


async def test_next_query_connects_again_after_a_failed_connection(path: Path) -> None:
    paths = [path.with_name("missing"), path]
    with ReadPool("reader", 1, lambda: connect_reader(paths.pop(0))) as pool:
        with pytest.raises(sqlite3.OperationalError):
            await pool.run(id)
        assert await pool.run(id)


def test_connect_all_opens_every_connection_before_the_first_query(path: Path) -> None:
    connections: list[Connection] = []

    def connect() -> Connection:
        connections.append(connect_reader(path))
        return connections[-1]

    with ReadPool("reader", SIZE, connect) as pool:
        pool.connect_all()
        assert len(connections) == SIZE
        pool.run_blocking(id)
        assert len(connections) == SIZE


async def test_closed_pool_has_closed_its_connections(path: Path) -> None:
    with ReadPool("reader", 1, partial(connect_reader, path)) as pool:
        connection = await pool.run(lambda connection: connection)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
