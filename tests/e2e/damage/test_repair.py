"""A server repairs damaged projections from its log, and answers nothing wrong meanwhile."""

import asyncio
import os
import re
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import grpc
import pytest
from tests.e2e.damage.base_directory import Base
from tests.e2e.damage.copied_server import run_copy
from tests.e2e.direct_call import place_order
from tests.e2e.running_server import START_SECONDS, RunningServer
from tests.e2e.sample_orders import build_order

from ordertrail.client import OrderTrail
from ordertrail.v1.projection_service_pb2 import GENERATION_STATE_LIVE, GENERATION_STATE_READY, Projection
from ordertrail_server.storage.connection import connect_writer
from ordertrail_server.storage.database_file import remove_database

PAGE = 4096
NAMES = pytest.mark.parametrize(
    "names",
    [
        pytest.param(["history"], id="history"),
        pytest.param(["orders"], id="orders"),
        pytest.param(["history", "orders"], id="history+orders", marks=pytest.mark.trial),
    ],
)
POLL_SECONDS = 0.2


def find_file(data: Path, name: str, number: int = 1) -> Path:
    [file] = data.glob(f"projections/{name}-*-{number}.sqlite")
    return file


def find_files(data: Path, name: str) -> list[Path]:
    """Return the databases of all generations of a projection, and their -wal files."""
    return [*data.glob(f"projections/{name}-*.sqlite"), *data.glob(f"projections/{name}-*.sqlite-wal")]


def overwrite(file: Path, first_page: int = 4) -> None:
    """Overwrite all pages behind the schema."""
    with file.open("r+b") as opened:
        opened.seek(first_page * PAGE)
        opened.write(b"\xa5" * (file.stat().st_size - first_page * PAGE))


def damage_files(names: list[str], data: Path) -> None:
    for name in names:
        overwrite(find_file(data, name))


def replace_by_unchecked_files(names: list[str], data: Path) -> None:
    for name in names:
        file = find_file(data, name)
        remove_database(file)
        with closing(connect_writer(file)) as connection:
            connection.execute("CREATE TABLE ordertrail_meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT")


async def wait_until(channel: grpc.aio.Channel, holds: Callable[[dict[str, Projection]], bool]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not holds({projection.name: projection for projection in await OrderTrail(channel).projections()}):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(POLL_SECONDS)


async def wait_repaired(channel: grpc.aio.Channel, *names: str) -> None:
    def are_repaired(projections: dict[str, Projection]) -> bool:
        return all(
            projections[name].repair_count == 1
            and [g.state for g in projections[name].generations] == [GENERATION_STATE_LIVE]
            and not projections[name].generations[0].lag_count
            for name in names
        )

    await wait_until(channel, are_repaired)


async def assert_all_right(base: Base, channel: grpc.aio.Channel, count: int = 300) -> None:
    assert await base.answers.find_wrong_answers(channel, Random(1), count) == []


def assert_reported_once(server: RunningServer, *names: str) -> None:
    errors = re.findall(r'ERROR.*"?.*projections/(\w+)-\w+-\d+\.sqlite', server.stderr)
    assert sorted(errors) == sorted(names), server.stderr
    assert server.faults == []


@NAMES
async def test_projection_that_is_damaged_while_the_server_runs_is_built_again(
    base: Base, tmp_path: Path, names: list[str]
) -> None:
    async with run_copy(base.stopped, tmp_path / "data") as (server, channel):
        server.wait_until_listening()
        await assert_all_right(base, channel, 20)
        damage_files(names, server.data)
        files = [find_file(server.data, name) for name in names]
        await assert_all_right(base, channel)  # right or refused
        await wait_repaired(channel, *names)
        assert not any(file.exists() for file in files)
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 300) == []
        assert_reported_once(server, *names)


@NAMES
@pytest.mark.parametrize("is_killed", [False, True])
async def test_projection_whose_file_is_removed_while_the_server_runs_is_built_again(
    base: Base, tmp_path: Path, names: list[str], is_killed: bool
) -> None:
    async with run_copy(base.stopped, tmp_path / "data") as (server, channel):
        server.wait_until_listening()
        await assert_all_right(base, channel, 20)
        for name in names:
            find_file(server.data, name).unlink()
        if is_killed:  # so that a new process finds no file
            os.kill(server.projector, signal.SIGKILL)
        await assert_all_right(base, channel)  # right or refused
        await wait_repaired(channel, *names)
        order = build_order()
        receipt = await place_order(channel, order)
        client = OrderTrail(channel)
        stored = await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
        assert stored.version == 1
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 300) == []
        assert all("-2.sqlite" in file.name for name in names for file in find_files(server.data, name))
        assert server.faults == []


@NAMES
@pytest.mark.parametrize("damage", [damage_files, replace_by_unchecked_files])
async def test_projection_that_is_damaged_at_the_start_is_built_again(
    base: Base, tmp_path: Path, names: list[str], damage: Callable[[list[str], Path], None]
) -> None:
    async with run_copy(base.stopped, tmp_path / "data", partial(damage, names)) as (server, channel):
        server.wait_until_listening()
        await assert_all_right(base, channel)
        await wait_repaired(channel, *names)
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 300) == []
        assert_reported_once(server, *names)


async def test_commands_and_other_queries_go_on_while_history_is_damaged(base: Base, tmp_path: Path) -> None:
    async with run_copy(base.stopped, tmp_path / "data") as (server, channel):
        server.wait_until_listening()
        await assert_all_right(base, channel, 20)
        damage_files(["history"], server.data)
        assert (await place_order(channel, build_order())).order_version == 1
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 50, ["GetOrder", "PlaceOrder"]) == []


async def test_generation_that_is_damaged_while_it_is_built_is_begun_again(base: Base, tmp_path: Path) -> None:
    async with run_copy(base.stopped, tmp_path / "data") as (server, channel):
        server.wait_until_listening()
        client = OrderTrail(channel)
        await client.rebuild_projection("history")
        await wait_until(channel, partial(has_state, number=2, state=GENERATION_STATE_READY))
        overwrite(find_file(server.data, "history", 2), 0)
        await wait_until(channel, lambda projections: not has_state(projections, 2, GENERATION_STATE_READY))
        await wait_until(channel, partial(has_state, number=2, state=GENERATION_STATE_READY))
        await client.promote_generation("history", 2)
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 300) == []
        assert_reported_once(server, "history")


async def test_kept_generation_that_is_damaged_is_removed(base: Base, tmp_path: Path) -> None:
    async with run_copy(base.stopped, tmp_path / "data") as (server, channel):
        server.wait_until_listening()
        client = OrderTrail(channel)
        await client.rebuild_projection("history")
        await wait_until(channel, partial(has_state, number=2, state=GENERATION_STATE_READY))
        await client.promote_generation("history", 2)
        overwrite(find_file(server.data, "history"), 0)
        await wait_until(channel, lambda projections: len(projections["history"].generations) == 1)
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 100) == []


def has_state(projections: dict[str, Projection], number: int, state: int) -> bool:
    return any(g.number == number and g.state == state for g in projections["history"].generations)


@pytest.mark.parametrize("text", ["", "0\n", "9\n", "one\n", "\xff\n"])
async def test_damaged_name_of_the_live_generation_loses_nothing(base: Base, tmp_path: Path, text: str) -> None:
    def damage(data: Path) -> None:
        for name in ("orders", "history"):
            file = find_file(data, name)
            live_file = file.with_name(f"{file.name.rpartition('-')[0]}.live")
            live_file.write_bytes(text.encode("latin-1"))

    async with run_copy(base.stopped, tmp_path / "data", damage) as (server, channel):
        server.wait_until_listening()
        await assert_all_right(base, channel, 100)
        await wait_until(channel, lambda p: [len(p[name].generations) for name in ("orders", "history")] == [1, 1])
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 100) == []


async def test_damaged_cache_of_source_digests_is_ignored(base: Base, tmp_path: Path) -> None:
    def damage(data: Path) -> None:
        (data / "projections" / "source-digests.txt").write_bytes(Random(1).randbytes(10_000))

    # Otherwise the server uses the file beside its compiled code.
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    async with run_copy(base.stopped, tmp_path / "data", damage, environment) as (server, channel):
        server.wait_until_listening()
        await wait_until(channel, lambda projections: not projections["orders"].generations[0].lag_count)
        assert await base.answers.find_wrong_or_refused(channel, Random(2), 100) == []
