"""What a server refuses to start on, and what it makes again by itself."""

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.e2e.running_server import RunningServer, refusal_to_start, until_serving
from tests.e2e.shop import an_order, life, new_id
from tests.projections.story import many_orders, write_log

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Refused
from ordertrail.v1.order_history_service_pb2 import ListOrdersRequest


async def test_a_data_directory_has_one_server(server: RunningServer) -> None:
    server.start()
    said = refusal_to_start(server.data)
    assert said.count("\n") == 1
    assert f"Another process (pid {server.pid}) already serves" in said
    async with connect(server.address) as orders:
        assert (await orders.send(an_order())).order_version == 1


async def test_a_port_that_is_taken_is_told_in_one_sentence(server: RunningServer, tmp_path: Path) -> None:
    server.start()
    said = refusal_to_start(tmp_path / "other", server.address)
    assert said.splitlines()[-1] == f"Error: cannot listen on {server.address}: another program already listens on it"


async def test_stores_of_another_log_are_refused(server: RunningServer, tmp_path: Path) -> None:
    await filled(server)
    other = RunningServer(tmp_path / "other")
    await filled(other)
    shutil.copy(other.data / "log.sqlite", server.data / "log.sqlite")
    assert "another log" in refusal_to_start(server.data)
    (server.data / "state.sqlite").unlink()
    assert "another log" in refusal_to_start(server.data)


async def test_a_log_that_lost_its_end_is_refused(server: RunningServer) -> None:
    await filled(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await filled(server)
    copy.replace(server.data / "log.sqlite")
    assert "lost records" in refusal_to_start(server.data)


async def test_a_log_whose_end_was_changed_is_refused(server: RunningServer) -> None:
    await filled(server)
    copy = server.data.with_name("early.sqlite")
    shutil.copy(server.data / "log.sqlite", copy)
    await filled(server)
    stores = server.data.with_name("stores")
    shutil.copytree(server.data, stores)
    copy.replace(server.data / "log.sqlite")
    for leftover in ("state.sqlite", "read-model"):
        remove(server.data / leftover)
    await filled(server)
    (server.data / "log.sqlite").replace(stores / "log.sqlite")
    assert "is not the one that was read there before" in refusal_to_start(stores)


async def test_a_log_that_is_gone_is_not_begun_anew_beside_its_stores(server: RunningServer) -> None:
    await filled(server)
    (server.data / "log.sqlite").unlink()
    assert "no log.sqlite" in refusal_to_start(server.data)
    assert not (server.data / "log.sqlite").exists()


@pytest.mark.parametrize("store", ["read-model", "state.sqlite"])
async def test_a_store_that_is_deleted_is_made_again_as_it_was(server: RunningServer, store: str) -> None:
    await filled(server)
    rows, answers = rows_of(server.data), await answers_of(server)
    server.stop()
    remove(server.data / store)
    assert await answers_of(server) == answers
    server.stop()
    assert rows_of(server.data) == rows


async def test_a_projector_that_dies_is_started_again(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        for _ in range(3):
            died = server.projector
            os.kill(died, signal.SIGKILL)
            receipt = await orders.send(an_order())
            read = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
            assert read.version == 1
            assert server.projector != died
    assert server.stop() == 0


async def test_a_server_that_is_stopped_while_it_starts_ends_cleanly(server: RunningServer) -> None:
    for step in range(6):
        server.spawn()
        await asyncio.sleep(0.15 * step)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) in (0, -signal.SIGTERM)
        assert server.faults == []
    await filled(server)


async def test_a_server_that_is_stopped_while_it_folds_its_log_ends_cleanly_and_soon(server: RunningServer) -> None:
    server.data.mkdir()
    entries = await asyncio.to_thread(many_orders, 17_000)
    await asyncio.to_thread(write_log, server.data, entries)
    for _ in range(2):
        server.spawn()
        await exists(server.data / "state.sqlite-wal")
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) == 0
        assert folded(server.data) < len(entries)
    assert server.faults == []
    server.start()
    assert server.stop() == 0
    assert folded(server.data) == len(entries)


async def test_a_damaged_read_model_ends_a_server_with_one_sentence(server: RunningServer) -> None:
    await filled(server)
    [model] = (server.data / "read-model").glob("*.sqlite")
    model.write_bytes(b"?" * model.stat().st_size)
    server.spawn()
    assert await asyncio.to_thread(server.wait) == 1
    last = server.stderr.splitlines()[-1]
    assert last.startswith(f"Error: the read model {model} is damaged (")
    assert server.faults == []
    model.unlink()
    await filled(server)


async def test_a_store_that_cannot_be_opened_is_told_in_one_sentence(server: RunningServer) -> None:
    await filled(server)
    remove(server.data / "state.sqlite")
    (server.data / "state.sqlite").symlink_to(server.data.with_name("not mounted") / "state.sqlite")
    said = refusal_to_start(server.data).splitlines()[-1]
    assert said == f"Error: a file in {server.data} cannot be used: unable to open database file"


async def exists(path: Path) -> None:
    """Return once a file is there."""
    async with asyncio.timeout(20):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 (a new file is told to nobody)
            await asyncio.sleep(0.01)


def folded(data: Path) -> int:
    """Return up to where the state store of a stopped server is folded."""
    with closing(sqlite3.connect(data / "state.sqlite")) as connection:
        [(position,)] = connection.execute("SELECT position FROM positions").fetchall()
    return int(position)


async def filled(server: RunningServer) -> None:
    """Have a server take in some orders' lives, project them, and stop."""
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        requests = [request for _ in range(5) for request in life(new_id("order"), Random(1))]
        results = [result async for result in orders.execute(requests)]
        last = results[-1].receipt.consistency_token
        await orders.history.ListOrders(ListOrdersRequest(at_least_as_fresh=[last]))
    assert server.stop() == 0


async def answers_of(server: RunningServer) -> list[Any]:
    """Start a server, and return what it answers to every question about everything, and to commands."""
    server.start()
    await until_serving(server.address)
    async with connect(server.address) as orders:
        listed = [order async for order in orders.list_orders()]
        events = [event async for event in orders.stream()]
        as_of = [await orders.get(event.order_id, version=event.order_version) for event in events[::7]]
        previews = [await preview(orders, order.order_id) for order in listed]
        return [listed, events, as_of, previews]


async def preview(orders: OrderTrail, order_id: str) -> str:
    """Return what the write side says of an order: the reason why it cannot be confirmed a second time."""
    with pytest.raises(Refused) as refused:
        await orders.confirm(order_id, validate_only=True)
    return refused.value.message


def rows_of(data: Path) -> dict[str, list[Any]]:
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


def remove(path: Path) -> None:
    for found in path.parent.glob(f"{path.name}*"):
        shutil.rmtree(found) if found.is_dir() else found.unlink()
