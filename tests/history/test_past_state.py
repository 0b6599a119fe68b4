"""The states of orders in the past: right at every version and point, from any files, at a bounded cost."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    RecordedFact,
    build_placed,
    build_quantity_changed,
    serve_history,
)
from tests.history.random_history import Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_history_service_pb2 import GetOrderRequest, GetOrderResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.past_state import state_at, states_at
from ordertrail_server.history.version_search import Point, count_versions_before, find_version, find_versions
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.progress import Progress
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.orders import snapshots
from ordertrail_server.storage.checked.connection import connect_checked_writer


def list_points(server: HistoryServer) -> Iterator[tuple[Point, list[RecordedFact]]]:
    """Yield points around every fact, with the facts up to each, by a plain model."""
    facts, partitions = server.in_log_order(), server.log.partitions
    for time in {fact.time + shift for fact in facts for shift in (-1, 0, 1)}:
        yield time, [fact for fact in facts if fact.time <= time]
    for fact in facts:
        partition, offset = LogPosition.unpack(fact.position)
        for end in (offset, offset + 1):
            offsets = tuple(end if home == partition else 0 for home in range(partitions))
            before = LogPosition(partition, end).pack()
            yield offsets, [f for f in facts if f.position < before and LogPosition.unpack(f.position)[0] == partition]


@settings(max_examples=25)
@given(history=steps, partitions=st.sampled_from([1, 3]), every=st.sampled_from([1, 2, 5]))
async def test_page_of_orders_at_any_point_is_the_fold_of_their_facts(
    history: list[Step], partitions: int, every: int
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots, "INTERVAL", every)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            for point, facts in list_points(server):
                states = {fact.order.order_id: fact.order for fact in facts}
                order_ids = [*server.orders, "unknown"]
                versions = await server.model.read(partial(find_versions, order_ids=order_ids, point=point))
                assert versions == {order_id: order.version for order_id, order in states.items()}
                assert await states_at(server.orders_model, server.model, versions) == serialize_all(states)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[HistoryServer]:
    """Provide an order `o` with 70 facts, beside another one."""
    async with serve_history(tmp_path / "live") as server:
        record_changes(server, 70)
        server.record("other", build_placed("p"))
        await server.project()
        yield server


def record_changes(server: HistoryServer, versions: int) -> None:
    server.record("o", build_placed("p"))
    for quantity in range(3, versions + 2):
        server.record("o", build_quantity_changed("p", quantity))


def state_of(server: HistoryServer, version: int) -> Order:
    return next(fact.order for fact in server.facts if fact.name == ("o", version))


def serialized_state(server: HistoryServer, version: int) -> bytes:
    return state_of(server, version).SerializeToString(deterministic=True)


def serialize_all(orders: Mapping[str, Order]) -> dict[str, bytes]:
    return {order_id: order.SerializeToString(deterministic=True) for order_id, order in orders.items()}


async def test_every_thirty_second_version_has_a_snapshot(server: HistoryServer) -> None:
    rows = await server.orders_model.read(lambda c: c.execute("SELECT version, state FROM snapshots").fetchall())
    assert {version: Order.FromString(state) for version, state in rows} == {
        version: state_of(server, version) for version in (32, 64)
    }


@pytest.mark.parametrize("version", [1, 31, 32, 33, 64, 69, 70])
async def test_state_is_right_around_snapshots_and_without_them(server: HistoryServer, version: int) -> None:
    assert await state_at(server.orders_model, server.model, "o", version) == serialized_state(server, version)
    with closing(connect_checked_writer(server.orders_model.path, "NORMAL")) as writer:
        writer.execute("DELETE FROM snapshots")
    assert await state_at(server.orders_model, server.model, "o", version) == serialized_state(server, version)


async def test_long_history_without_a_snapshot_is_folded_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "INTERVAL", 1_000_000)
    async with serve_history(tmp_path) as server:
        record_changes(server, 1_300)
        await server.project()
        assert await state_at(server.orders_model, server.model, "o", 1_299) == serialized_state(server, 1_299)


async def test_files_of_different_generations_and_positions_give_the_same_states(
    server: HistoryServer, tmp_path: Path
) -> None:
    with closing(await open_engine(server.log, tmp_path / "rebuilt", [HISTORY], batch=7)) as rebuilt:
        await rebuilt.fold_up_to(ORDERS, 0, 40)
        server.orders_model.switch(live_generation(tmp_path / "rebuilt", ORDERS))
        for version in (31, 32, 40, 64, 69):
            assert await state_at(server.orders_model, server.model, "o", version) == serialized_state(server, version)


async def test_order_ids_of_any_text_have_their_own_past(tmp_path: Path) -> None:
    ids = ["ordér-1", "a\x00b", "a", 'quote"d', "🙂", "0193a7c2-1111-7222-8333-444455556666"]
    async with serve_history(tmp_path) as server:
        for number, order_id in enumerate(ids):
            server.record(order_id, build_placed("p"))
            for quantity in range(number):
                server.record(order_id, build_quantity_changed("p", quantity + 3))
        await server.project()
        versions = await server.model.read(partial(find_versions, order_ids=ids, point=server.facts[-2].time))
        assert versions == {**{order_id: number + 1 for number, order_id in enumerate(ids)}, ids[-1]: len(ids) - 1}
        states = await states_at(server.orders_model, server.model, versions)
        facts = {fact.name: fact.order for fact in server.facts}
        assert states == serialize_all({order_id: facts[order_id, version] for order_id, version in versions.items()})


async def test_version_that_history_lacks_is_refused_as_unavailable(server: HistoryServer) -> None:
    with pytest.raises(Refused) as error:
        await states_at(server.orders_model, server.model, {"other": 1, "o": 71})
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_UNAVAILABLE
    assert "version 71 of order o" in error.value.refusal.message


async def test_damaged_snapshot_is_refused_and_never_used(server: HistoryServer) -> None:
    server.close()
    file = server.orders_model.path
    content = bytearray(file.read_bytes())
    content[content.index(serialized_state(server, 32)) + 20] ^= 1
    file.write_bytes(content)
    with pytest.raises(Refused, match="orders is damaged"):
        await state_at(server.open_model(ORDERS), server.open_model(HISTORY), "o", 33)


async def test_order_as_of_a_time_waits_until_history_includes_what_orders_does(server: HistoryServer) -> None:
    history_progress = Progress()
    history_progress.advance({0: 71})
    service = server.build_service(server.progress, history_progress=history_progress)
    server.record("o", build_quantity_changed("p", 500))
    await server.project()
    request = GetOrderRequest(order_id="o", record_time=moment(server.facts[-1].time))
    with pytest.raises(Refused) as error:
        await service.GetOrder(request, EVERYTHING, 0.05)
    assert error.value.refusal.reason == ErrorReason.ERROR_REASON_NOT_FRESH_YET
    history_progress.advance({0: 72})
    assert GetOrderResponse.FromString(await service.GetOrder(request, EVERYTHING, None)).order == server.orders["o"]


async def test_versions_are_found_among_equal_and_raised_times(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        times = [NOON, NOON, NOON - SECOND, NOON + 5, NOON + 5, NOON + 3, NOON + 9]
        for number, time in enumerate(times):
            server.record("o", build_quantity_changed("p", number + 3) if number else build_placed("p"), time)
        await server.project()
        for shift, version in ((-1, None), (0, 3), (4, 3), (5, 6), (8, 6), (9, 7), (10, 7)):
            assert await server.model.read(partial(find_version, order_id="o", point=NOON + shift)) == version


async def test_versions_before_a_position_are_counted(server: HistoryServer) -> None:
    for position, count in ((0, 0), (1, 1), (69, 69), (70, 70), (99, 70)):
        counting = partial(count_versions_before, order_id="o", position=position)
        assert await server.model.read(counting) == count


@asynccontextmanager
async def counted_instructions(server: HistoryServer) -> AsyncIterator[list[int]]:
    """Count the instructions that SQLite runs in queries of both projections."""
    count = [0]

    def step() -> None:
        count[0] += 1

    for model in (server.orders_model, server.model):
        await model.read(lambda connection: connection.set_progress_handler(step, 1))
    yield count


async def measure_cost(server: HistoryServer, version: int) -> dict[str, int]:
    """Return for each kind of point how many instructions the order as of this version takes."""
    fact = server.facts[version - 1]
    token = write_token(server.log.identity, {0: LogPosition.unpack(fact.position).offset + 1})
    points = {
        "version": GetOrderRequest(order_id="o", version=version),
        "time": GetOrderRequest(order_id="o", record_time=moment(fact.time)),
        "token": GetOrderRequest(order_id="o", token=token),
    }
    costs = dict[str, int]()
    for kind, request in points.items():
        async with counted_instructions(server) as count:
            response = GetOrderResponse.FromString(await server.service.GetOrder(request, EVERYTHING, None))
        assert response.order == fact.order
        costs[kind] = count[0]
    return costs


async def measure_worst_costs(directory: Path, versions: range) -> dict[str, int]:
    """Return for each kind of point what the most expensive of the versions costs; the order has one more."""
    async with serve_history(directory) as server:
        record_changes(server, versions.stop)
        await server.project()
        costs = [await measure_cost(server, version) for version in versions]
        return {kind: max(cost[kind] for cost in costs) for kind in costs[0]}


@pytest.mark.parametrize("age", [1_000, pytest.param(20_000, marks=pytest.mark.trial)])
async def test_cost_of_a_past_state_does_not_grow_with_the_age_of_its_order(tmp_path: Path, age: int) -> None:
    young = await measure_worst_costs(tmp_path / "young", range(20, 21))
    old = await measure_worst_costs(tmp_path / "old", range(age, age + snapshots.INTERVAL))
    assert all(0 < old[kind] <= 3 * young[kind] for kind in young), (young, old)
