"""The SQLite statements of the write path cost the same for orders with short and long histories."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running_handler import ProjectedHandler, handle
from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import build_change_quantity, build_place_order

from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.sqlite import sqlite3

Connections = dict[Path, list[sqlite3.Connection]]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> Connections:
    """The open connections by file."""
    connections_by_file: Connections = {}
    connect = sqlite3.connect

    def record(name: str, *arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(name, *arguments, **options)
        connections_by_file.setdefault(Path(name.removeprefix("file://").split("?")[0]), []).append(connection)
        return connection

    monkeypatch.setattr(sqlite3, "connect", record)
    return connections_by_file


def still_open(connections: list[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
    for connection in connections:
        with suppress(sqlite3.ProgrammingError):  # raised by a closed connection
            connection.total_changes  # noqa: B018
            yield connection


def reading_connection(handler: CommandHandler) -> sqlite3.Connection:
    """Return the connection by which the command side reads the projection `orders`."""
    store: Any = handler._writers[0].fold._store
    connection: sqlite3.Connection = store._reader._connection
    return connection


async def count_batch_instructions(directory: Path, age: int) -> int:
    """Return how many instructions SQLite runs in queries to the projection for commands on an order of that age."""
    log = open_to_serve(directory)
    server = ProjectedHandler(log, directory / "projections")
    async with server.run() as handler:
        changes = [build_change_quantity(f"c{number}", number + 2) for number in range(age)]
        await handle(handler, [build_place_order(), *changes])
        await server.wait_projected()
    server = ProjectedHandler(log, directory / "projections")
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    async with server.run() as handler:
        server.may_project.clear()  # so that every run measures the same queries
        reading_connection(handler).set_progress_handler(step, 1)
        requests = [build_change_quantity(f"next{number}", age + number + 2) for number in range(20)]
        answers = await handle(handler, [*requests, build_change_quantity("c7", 9)])
        measured = count
    await log.close()
    assert [require_accepted(answer).fact.version for answer in answers[:-1]] == list(range(age + 2, age + 22))
    assert require_accepted(answers[-1]).replayed
    return measured


async def test_cost_of_a_batch_does_not_grow_with_history_of_its_order(tmp_path: Path) -> None:
    cost_of_young = await count_batch_instructions(tmp_path / "young", 20)
    cost_of_old = await count_batch_instructions(tmp_path / "old", 900)
    assert cost_of_young > 0
    assert cost_of_old <= 1.1 * cost_of_young


async def test_no_statement_of_the_write_path_scans_a_table(tmp_path: Path, connections: Connections) -> None:
    statements: set[tuple[Path, str]] = set()
    log = open_to_serve(tmp_path)
    server, restarted_server = (ProjectedHandler(log, tmp_path / "projections") for _ in range(2))
    record_projected = recorder(live_generation(tmp_path / "projections", ORDERS), statements)
    async with server.run() as handler:
        for connection in still_open(connections[tmp_path / "log.sqlite"]):
            connection.set_trace_callback(recorder(tmp_path / "log.sqlite", statements))
        reading_connection(handler).set_trace_callback(record_projected)
        await handle(
            handler, [build_place_order(), build_change_quantity("two", 2), build_place_order("other", "order-2")]
        )
        await handle(handler, [build_change_quantity("two", 2), build_change_quantity("three", 3)])
        await server.wait_projected()
    async with restarted_server.run() as handler:  # it has no order in memory
        reading_connection(handler).set_trace_callback(record_projected)
        await handle(handler, [build_change_quantity("two", 2), build_change_quantity("four", 4)])
    await log.close()
    tables = {"links", "orders", "records"}
    assert tables <= {table for table in tables for _, statement in statements if f" {table} " in f"{statement} "}
    assert [plan for path, statement in sorted(statements) for plan in list_table_scans(path, statement)] == []


def recorder(path: Path, statements: set[tuple[Path, str]]) -> Callable[[str], None]:
    def record(statement: str) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            statements.add((path, statement))

    return record


def list_table_scans(path: Path, statement: str) -> list[str]:
    connection = connect_writer(path)
    try:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    finally:
        connection.close()
    # A virtual table holds the values of a parameter.
    harmless = ("CONSTANT ROW", "VALUES CLAUSE", "VIRTUAL TABLE INDEX 1:")
    scans = [step for step in plan if step.startswith("SCAN") and not step.endswith(harmless)]
    return [f"{path.name}: {step}: {statement}" for step in scans]
