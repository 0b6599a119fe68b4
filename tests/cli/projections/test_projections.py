"""`ordertrail projections` as an operator uses it beside a running server."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine, serve_directory
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.log.port import Entry
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.storage.checked.connection import connect_checked_writer

PARTITIONS = 3


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A log of several partitions, with parked orders."""
    builder = LogBuilder(PARTITIONS)
    for number in range(20):
        builder.add_fact(f"order-{number}", PLACED)
    builder.add_future_event("order-3")
    builder.add_broken_record("order-4")
    for number in range(20):
        builder.add_fact(f"order-{number}", CONFIRMED)
    asyncio.run(write_partitions(tmp_path, builder.records))
    return tmp_path


async def write_partitions(data: Path, records: Sequence[Sequence[Entry]]) -> None:
    log = open_to_serve(data, partitions=PARTITIONS)
    for partition, entries in enumerate(records):
        await log.append(partition, entries)
    await log.close()


@pytest.fixture
def command_line(data: Path) -> Iterator[CommandLine]:
    with serve_directory(data) as address:
        command_line = CommandLine(address)
        command_line.wait_until_projected()
        assert len(command_line.lines("parked", "list")) == 2
        yield command_line


def read_states(command_line: CommandLine) -> dict[str, dict[int, str]]:
    """Return {projection: {number: state}}."""
    return {
        projection["name"]: {
            generation["number"]: generation["state"].removeprefix("GENERATION_STATE_").lower()
            for generation in projection["generations"]
        }
        for projection in command_line.lines("projections", "list")
    }


@pytest.mark.parametrize("name", ["orders", "history"])
def test_rebuild_promote_rollback_and_drop_keep_parked_orders(command_line: CommandLine, name: str) -> None:
    parked = command_line.lines("parked", "list")
    rebuilt = command_line.run("projections", "rebuild", name)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert f"{name}: the same " in rebuilt.stdout
    assert f"`ordertrail projections promote {name} 2`" in rebuilt.stdout
    assert read_states(command_line)[name] == {1: "live", 2: "ready"}
    assert command_line.run("projections", "compare", name).returncode == 0
    assert command_line.run("projections", "promote", name).stdout == f"Generation 2 of {name} is live now.\n"
    assert command_line.run("projections", "rollback", name).stdout == f"Generation 1 of {name} is live now.\n"
    assert command_line.run("projections", "drop", name, "2").stdout == f"Generation 2 of {name} is removed.\n"
    assert read_states(command_line)[name] == {1: "live"}
    assert command_line.lines("parked", "list") == parked


def test_rebuild_with_promote_does_not_promote_a_generation_that_differs(data: Path, command_line: CommandLine) -> None:
    with closing(connect_checked_writer(live_generation(data / "projections", "orders"))) as connection:
        connection.execute("UPDATE orders SET customer_id = 'thief' WHERE order_id = 'order-7'")
    result = command_line.run("projections", "rebuild", "orders", "--promote", "--json")
    assert result.returncode == 1
    outcome = json.loads(result.stdout)
    assert (outcome["isPromoted"], outcome["differenceCount"]) == (False, 1)
    [different] = [table for table in outcome["tables"] if "differenceCount" in table]
    assert (different["table"], different["differentKeys"]) == ("orders", ["order-7"])
    compared = command_line.run("projections", "compare", "orders", "2")
    assert compared.returncode == 1
    assert "orders: 1 differences to the live generation:" in compared.stdout
    assert "order-7" in compared.stdout
    assert read_states(command_line)["orders"] == {1: "live", 2: "ready"}


def test_build_that_is_not_awaited_is_listed(command_line: CommandLine) -> None:
    [generation] = command_line.lines("projections", "rebuild", "history", "--no-wait")
    assert generation["number"] == 2
    assert read_states(command_line)["history"][2] in ("building", "ready")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rollback", "history"), "No generation of history is kept from before the live one."),
        (("promote", "history"), "There is no generation of history that is ready."),
        (("compare", "nothing"), "The server has no projection nothing;"),
        (("drop", "history", "1"), "Generation 1 of history is live and cannot be dropped."),
        (("resume", "nothing"), "This server has no projection nothing."),
    ],
)
def test_impossible_request_is_refused_with_exit_code_1(
    command_line: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    result = command_line.run("projections", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr


def test_resumed_projection_goes_on(command_line: CommandLine) -> None:
    assert command_line.run("projections", "resume", "history").stdout == "history is started again.\n"
    assert len(command_line.lines("history", "order-7")) == 2
