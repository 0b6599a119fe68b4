"""The SQLite statements of the write path cost the same for orders with short and long histories."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running_handler import handle, run_handler
from tests.commands.running_writer import require_accepted
from tests.commands.sample_requests import ORDER, build_change_quantity, build_place_order

from ordertrail_server.log.data_directory import open_to_serve
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


async def count_batch_instructions(directory: Path, connections: Connections, age: int) -> int:
    """Return how many instructions SQLite runs in the state store for a batch on an order of that many facts."""
    log = open_to_serve(directory)
    async with run_handler(log, directory / "state.sqlite") as handler:
        await handle(
            handler, [build_place_order(), *(build_change_quantity(f"c{number}", number + 2) for number in range(age))]
        )
    log = open_to_serve(directory)
    count = 0

    def step() -> None:
        nonlocal count
        count += 1

    async with run_handler(log, directory / "state.sqlite") as handler:
        for connection in still_open(connections[directory / "state.sqlite"]):
            connection.set_progress_handler(step, 1)
        answers = await handle(
            handler, [build_change_quantity(f"next{number}", age + number + 2) for number in range(20)]
        )
        measured = count
    assert [require_accepted(answer).fact.version for answer in answers] == list(range(age + 2, age + 22))
    return measured


async def test_cost_of_a_batch_does_not_grow_with_history_of_its_order(
    tmp_path: Path, connections: Connections
) -> None:
    young, old = tmp_path / "young", tmp_path / "old"
    cost_of_young = await count_batch_instructions(young, connections, 20)
    cost_of_old = await count_batch_instructions(old, connections, 900)
    assert cost_of_young > 0
    assert cost_of_old <= 1.1 * cost_of_young


async def test_no_statement_of_the_write_path_scans_a_table(tmp_path: Path, connections: Connections) -> None:
    statements: set[tuple[Path, str]] = set()
    log = open_to_serve(tmp_path)
    async with run_handler(log, tmp_path / "state.sqlite") as handler:
        for path in (tmp_path / "log.sqlite", tmp_path / "state.sqlite"):
            for connection in still_open(connections[path]):
                connection.set_trace_callback(recorder(path, statements))
        await handle(
            handler, [build_place_order(), build_change_quantity("two", 2), build_place_order("other", "order-2")]
        )
        await handle(handler, [build_change_quantity("two", 2), build_change_quantity("three", 3)])
        await handler.retry(ORDER)
    tables = {"facts", "orders", "records"}
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
    scans = [step for step in plan if step.startswith("SCAN") and not step.endswith(("CONSTANT ROW", "VALUES CLAUSE"))]
    return [f"{path.name}: {step}: {statement}" for step in scans]
