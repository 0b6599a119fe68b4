"""The directories on which a server refuses to start, and the stores that it rebuilds."""

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.filled_directory import fill_directory, remove_store
from tests.e2e.running_server import RunningServer, read_start_refusal, wait_until_serving
from tests.e2e.sample_orders import build_order
from tests.projections.log_builder import build_many_orders, write_log

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Refused


async def test_second_server_on_a_data_directory_is_refused(server: RunningServer) -> None:
    server.start()
    message = read_start_refusal(server.data)
    assert message.count("\n") == 1
    assert f"Another process (pid {server.pid}) already serves" in message
    async with connect(server.address) as orders:
        assert (await orders.send(build_order())).order_version == 1


async def test_port_in_use_is_reported_in_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    server.start()
    message = read_start_refusal(tmp_path / "other", server.address)
    assert (
        message.splitlines()[-1] == f"Error: cannot listen on {server.address}: another program already listens on it"
    )


async def test_stores_of_another_log_are_refused(server: RunningServer, tmp_path: Path) -> None:
    await fill_directory(server)
    other_server = RunningServer(tmp_path / "other")
    await fill_directory(other_server)
    shutil.copy(other_server.data / "log.sqlite", server.data / "log.sqlite")
    assert "another log" in read_start_refusal(server.data)
    (server.data / "state.sqlite").unlink()
    assert "another log" in read_start_refusal(server.data)


async def test_log_that_lost_its_last_records_is_refused(server: RunningServer) -> None:
    await fill_directory(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await fill_directory(server)
    copy.replace(server.data / "log.sqlite")
    assert "lost records" in read_start_refusal(server.data)


async def test_log_with_changed_last_records_is_refused(server: RunningServer) -> None:
    await fill_directory(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await fill_directory(server)
    stores = server.data.with_name("stores")
    shutil.copytree(server.data, stores)
    copy.replace(server.data / "log.sqlite")
    for leftover in ("state.sqlite", "read-model"):
        remove_store(server.data / leftover)
    await fill_directory(server)
    (server.data / "log.sqlite").replace(stores / "log.sqlite")
    assert "is not the one that was read there before" in read_start_refusal(stores)


async def test_missing_log_is_not_created_again_next_to_its_stores(server: RunningServer) -> None:
    await fill_directory(server)
    (server.data / "log.sqlite").unlink()
    assert "no log.sqlite" in read_start_refusal(server.data)
    assert not (server.data / "log.sqlite").exists()


@pytest.mark.parametrize("store", ["read-model", "state.sqlite"])
async def test_deleted_store_is_rebuilt_with_the_same_rows(server: RunningServer, store: str) -> None:
    await fill_directory(server)
    rows, answers = read_rows(server.data), await collect_answers(server)
    server.stop()
    remove_store(server.data / store)
    assert await collect_answers(server) == answers
    server.stop()
    assert read_rows(server.data) == rows


async def test_killed_projector_is_restarted(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        for _ in range(3):
            killed_pid = server.projector
            os.kill(killed_pid, signal.SIGKILL)
            receipt = await orders.send(build_order())
            order = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert order.version == 1
            assert server.projector != killed_pid
    assert server.stop() == 0


async def test_server_stopped_while_it_starts_ends_cleanly(server: RunningServer) -> None:
    for step in range(6):
        server.spawn()
        await asyncio.sleep(0.15 * step)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) in (0, -signal.SIGTERM)
        assert server.faults == []
    await fill_directory(server)


async def test_server_stopped_while_it_folds_its_log_ends_early_and_cleanly(server: RunningServer) -> None:
    server.data.mkdir()
    entries = await asyncio.to_thread(build_many_orders, 17_000)
    await asyncio.to_thread(write_log, server.data, entries)
    for _ in range(2):
        server.spawn()
        await wait_for_file(server.data / "state.sqlite-wal")
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert folded_position(server.data) < len(entries)
    assert server.faults == []
    server.start()
    assert server.stop() == 0
    assert folded_position(server.data) == len(entries)


async def test_damaged_read_model_ends_server_with_one_sentence(server: RunningServer) -> None:
    await fill_directory(server)
    [model] = (server.data / "read-model").glob("*.sqlite")
    model.write_bytes(b"?" * model.stat().st_size)
    server.spawn()
    assert await asyncio.to_thread(server.wait) == 1
    last = server.stderr.splitlines()[-1]
    assert last.startswith(f"Error: the read model {model} is damaged (")
    assert server.faults == []
    model.unlink()
    await fill_directory(server)


async def test_store_that_cannot_be_opened_is_reported_in_one_sentence(server: RunningServer) -> None:
    await fill_directory(server)
    remove_store(server.data / "state.sqlite")
    (server.data / "state.sqlite").symlink_to(server.data.with_name("not mounted") / "state.sqlite")
    message = read_start_refusal(server.data).splitlines()[-1]
    assert message == f"Error: a file in {server.data} cannot be used: unable to open database file"


async def wait_for_file(path: Path) -> None:
    """Wait until a file exists."""
    async with asyncio.timeout(20):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 (no event reports a new file)
            await asyncio.sleep(0.01)


def folded_position(data: Path) -> int:
    """Return the position of the state store of a stopped server."""
    with closing(sqlite3.connect(data / "state.sqlite")) as connection:
        [(position,)] = connection.execute("SELECT position FROM positions").fetchall()
    return int(position)


async def collect_answers(server: RunningServer) -> list[Any]:
    """Start a server and return its answers to all queries, and to commands."""
    server.start()
    await wait_until_serving(server.address)
    async with connect(server.address) as orders:
        orders_listed = [order async for order in orders.list_orders()]
        events = [event async for event in orders.stream()]
        as_of = [await orders.get(event.order_id, version=event.order_version) for event in events[::7]]
        previews = [await preview_confirm(orders, order.order_id) for order in orders_listed]
        return [orders_listed, events, as_of, previews]


async def preview_confirm(orders: OrderTrail, order_id: str) -> str:
    """Return the write side's refusal to confirm an order a second time."""
    with pytest.raises(Refused) as error:
        await orders.confirm(order_id, validate_only=True)
    return error.value.message


def read_rows(data: Path) -> dict[str, list[Any]]:
    """Return every row of both stores of a stopped server."""
    files = [data / "state.sqlite", *sorted((data / "read-model").glob("*.sqlite"))]
    assert len(files) == 2
    rows: dict[str, list[Any]] = {}
    for file in files:
        with closing(sqlite3.connect(file)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for (name,) in names:
                rows[f"{file.name}:{name}"] = sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
    return rows
