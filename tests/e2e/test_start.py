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
from tests.e2e.filled_directory import fill_directory, projection_file, remove_store
from tests.e2e.load import Ledger, Load
from tests.e2e.reference_fold import assert_receipts_are_facts, fold_directory
from tests.e2e.running_server import START_SECONDS, RunningServer, read_start_refusal, wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail.client import OrderTrail, connect
from ordertrail.errors import Refused
from ordertrail_server.projections.catalog import HISTORY, ORDERS


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
    remove_store(projection_file(server.data, ORDERS))
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
    remove_store(server.data / "projections")
    await fill_directory(server)
    (server.data / "log.sqlite").replace(stores / "log.sqlite")
    assert "is not the one that was read there before" in read_start_refusal(stores)


async def test_missing_log_is_not_created_again_next_to_its_stores(server: RunningServer) -> None:
    await fill_directory(server)
    (server.data / "log.sqlite").unlink()
    assert "no log.sqlite" in read_start_refusal(server.data)
    assert not (server.data / "log.sqlite").exists()


@pytest.mark.parametrize("names", [(HISTORY,), (ORDERS,), (ORDERS, HISTORY)], ids="+".join)
async def test_deleted_projections_are_rebuilt_with_the_same_rows(
    server: RunningServer, names: tuple[str, ...]
) -> None:
    await fill_directory(server)
    rows, answers = read_rows(server.data), await collect_answers(server)
    server.stop()
    for name in names:
        remove_store(projection_file(server.data, name))
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


async def test_commands_continue_while_the_projector_is_killed(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    ledger = Ledger()
    async with connect(server.address) as orders:
        load = Load(orders, ledger, unary=8, batches=2, seed=1)
        for _ in range(3):
            await ledger.next()
            killed_pid = server.projector
            os.kill(killed_pid, signal.SIGKILL)
            for _ in range(20):
                await ledger.next()
            await wait_for_next_projector(server, killed_pid)
        load.check()
        await load.stop()
        fresh = [ledger.receipts[-1].consistency_token]
        projected = {order.order_id async for order in orders.list_orders(page_size=1000, at_least_as_fresh=fresh)}
    reference = await fold_directory(server.data)
    assert_receipts_are_facts(ledger.receipts, reference)
    assert projected == reference.orders.keys()
    assert server.stop() == 0
    assert server.faults == []


def list_children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


async def wait_for_next_projector(server: RunningServer, killed_pid: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while list_children(server.pid) in ([], [str(killed_pid)]):  # noqa: ASYNC110 (no event reports a new process)
            await asyncio.sleep(0.01)


async def test_server_stopped_while_it_starts_ends_cleanly(server: RunningServer) -> None:
    for step in range(6):
        server.spawn()
        await asyncio.sleep(0.15 * step)
        server.signal(signal.SIGTERM)
        assert await asyncio.to_thread(server.wait) in (0, -signal.SIGTERM)
        assert server.faults == []
    await fill_directory(server)


async def test_projection_that_cannot_be_opened_is_reported_in_one_sentence(server: RunningServer) -> None:
    await fill_directory(server)
    file = projection_file(server.data, ORDERS)
    remove_store(file)
    file.symlink_to(server.data.with_name("not mounted") / file.name)
    assert read_start_refusal(server.data).splitlines()[-1] == (
        f"Error: {file} cannot be compared with the log for now (unable to open database file): make it readable, or"
        " move it away"
    )


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
    """Return every row of both projections of a stopped server."""
    rows: dict[str, list[Any]] = {}
    for file in (projection_file(data, name) for name in (ORDERS, HISTORY)):
        with closing(sqlite3.connect(file)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
            for (name,) in names:
                rows[f"{file.name}:{name}"] = sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
    return rows
