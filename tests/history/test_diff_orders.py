from contextlib import aclosing, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time_ns
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings, strategies as st
from tests.history.history_server import (
    NOON,
    SECOND,
    HistoryServer,
    RecordedFact,
    build_confirmed,
    build_placed,
    build_quantity_changed,
    seal_record,
    serve_history,
)
from tests.history.random_history import CUSTOMERS, Step, record_history, steps

from ordertrail.v1.error_reason_pb2 import ErrorReason
from ordertrail.v1.order_events_pb2 import OrderSource
from ordertrail.v1.order_history_service_pb2 import DiffOrdersRequest, DiffOrdersResponse
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.access.scope import EVERYTHING
from ordertrail_server.history.diffs import changed_orders, diff_events, diff_stream
from ordertrail_server.log.position import LogPosition
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.orders.times import moment
from ordertrail_server.projections.history import history_rows
from ordertrail_server.storage.checked.connection import connect_checked_writer

IDENTITY = bytes(16)


class Diff(NamedTuple):
    before: Order | None
    after: Order
    versions: list[int]


async def read_frames(server: HistoryServer, request: DiffOrdersRequest) -> list[DiffOrdersResponse]:
    return [
        DiffOrdersResponse.FromString(frame) async for frame in server.service.DiffOrders(request, EVERYTHING, None)
    ]


async def read_diffs(server: HistoryServer, request: DiffOrdersRequest) -> dict[str, Diff]:
    """Return the diffs by order, with the pieces of each joined."""
    diffs: dict[str, Diff] = {}
    before, versions = None, list[int]()
    for frame in await read_frames(server, request):
        for piece in frame.diffs:
            before = piece.before if piece.HasField("before") else before
            versions += [event.order_version for event in piece.events]
            if piece.HasField("after"):
                assert piece.after.order_id not in diffs
                diffs[piece.after.order_id] = Diff(before, piece.after, versions)
                before, versions = None, []
    assert not versions
    return diffs


def expect_diffs(facts: list[RecordedFact], changes: list[RecordedFact]) -> dict[str, Diff]:
    """Return the diffs that consist of these changes, by a plain model."""
    versions: dict[str, list[int]] = {}
    for fact in changes:
        versions.setdefault(fact.order.order_id, []).append(fact.order.version)
    states = {fact.name: fact.order for fact in facts}
    return {
        order_id: Diff(states.get((order_id, of_order[0] - 1)), states[order_id, of_order[-1]], of_order)
        for order_id, of_order in versions.items()
    }


@pytest.mark.parametrize(("window", "max_orders", "max_bytes"), [(3, 1, 1), (5_000, 50, 256 * 1024)])
@settings(max_examples=25)
@given(
    history=steps,
    customer=st.sampled_from(CUSTOMERS),
    begin=st.integers(-1, 21),
    length=st.integers(0, 22),
    partitions=st.sampled_from([1, 3]),
)
async def test_diff_of_an_interval_has_every_fact_recorded_in_it(
    window: int,
    max_orders: int,
    max_bytes: int,
    history: list[Step],
    customer: str,
    begin: int,
    length: int,
    partitions: int,
) -> None:
    with TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(changed_orders, "WINDOW", window)
        patch.setattr(changed_orders, "MAX_ORDERS", max_orders)
        patch.setattr(diff_events, "FRAME_BYTES", max_bytes)
        async with serve_history(Path(directory), partitions) as server:
            record_history(server, history)
            await server.project()
            start, end = NOON + begin * SECOND, NOON + (begin + length) * SECOND
            request = DiffOrdersRequest(customer_id=customer, recorded_from=moment(start), recorded_before=moment(end))
            facts = server.in_log_order()
            changes = [f for f in facts if start <= f.time < end and customer in ("", f.customer)]
            assert await read_diffs(server, request) == expect_diffs(facts, changes)


@settings(max_examples=25)
@given(history=steps, first=st.integers(0, 40), second=st.integers(0, 40), partitions=st.sampled_from([1, 3]))
async def test_diff_of_two_tokens_has_every_fact_between_them(
    history: list[Step], first: int, second: int, partitions: int
) -> None:
    first, second = sorted((first, second))
    with TemporaryDirectory() as directory:
        async with serve_history(Path(directory), partitions) as server:
            bounds, tokens = [], []
            for part in (history[:first], history[first:second]):
                record_history(server, part)
                bounds.append([LogPosition(p, len(records)).pack() for p, records in enumerate(server.log.records)])
                tokens.append(
                    write_token(server.log.identity, {p: len(records) for p, records in enumerate(server.log.records)})
                )
            record_history(server, history[second:])
            await server.project()
            facts = server.in_log_order()
            changes = []
            for fact in facts:
                partition = LogPosition.unpack(fact.position).partition
                if bounds[0][partition] <= fact.position < bounds[1][partition]:
                    changes.append(fact)
            request = DiffOrdersRequest(from_token=tokens[0], until_token=tokens[1])
            assert await read_diffs(server, request) == expect_diffs(facts, changes)


async def test_diff_without_an_end_reaches_to_the_present(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"), NOON)
        server.record("o", build_confirmed(), NOON + SECOND)
        await server.project()
        [diff] = (await read_diffs(server, DiffOrdersRequest(recorded_from=moment(NOON + 1)))).values()
        assert (diff.before.version if diff.before else 0, diff.after.version, diff.versions) == (1, 2, [2])


async def test_next_diff_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"), NOON)
        await server.project()
        [frame] = await read_frames(server, DiffOrdersRequest(recorded_from=moment(NOON)))
        server.record("o", build_confirmed(), NOON + SECOND)
        await server.project()
        [diff] = (await read_diffs(server, DiffOrdersRequest(from_token=frame.until_token))).values()
        assert diff.versions == [2]
        repeated = DiffOrdersRequest(from_token=frame.from_token, until_token=frame.until_token)
        assert await read_frames(server, repeated) == [frame]


async def test_fact_that_arrives_late_is_in_the_next_diff_by_token(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"), NOON)
        await server.project()
        request = DiffOrdersRequest(recorded_from=moment(NOON), recorded_before=moment(NOON + 60 * SECOND))
        [frame] = await read_frames(server, request)
        server.record("late", build_placed("p"), NOON + SECOND)
        server.record("o", build_confirmed(), NOON + 90 * SECOND)
        await server.project()
        diffs = await read_diffs(server, DiffOrdersRequest(from_token=frame.until_token))
        assert {order_id: diff.versions for order_id, diff in diffs.items()} == {"late": [1], "o": [2]}


async def test_order_with_many_changes_comes_in_pieces_that_clients_can_receive(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"))
        for number in range(1, 1_500):
            server.record("o", build_quantity_changed("p", number + 2))
        for number in range(30):
            large_order = build_placed("p")
            large_order.source.CopyFrom(OrderSource(other_json="x" * 60_000))
            server.record(f"large-{number}", large_order)
        await server.project()
        frames = await read_frames(server, DiffOrdersRequest(recorded_from=moment(NOON)))
        assert all(frame.ByteSize() < 1024 * 1024 for frame in frames)
        diffs = await read_diffs(server, DiffOrdersRequest(recorded_from=moment(NOON)))
        assert diffs["o"].versions == list(range(1, 1_501))
        assert len(diffs) == 31


async def test_order_that_a_retry_frees_during_the_diff_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changed_orders, "WINDOW", 2)
    monkeypatch.setattr(diff_stream, "FRAME_BYTES", 1)
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"), NOON)
        for number in range(9):
            server.record(f"other-{number}", build_placed("p"), NOON + SECOND)
        server.land("o", seal_record("o", 2, server.aggregate("o").head, b""))
        await server.project()
        frames = server.service.DiffOrders(DiffOrdersRequest(recorded_from=moment(NOON)), EVERYTHING, None)
        named_ids: list[str] = []
        async with aclosing(frames):
            async for frame in frames:
                response = DiffOrdersResponse.FromString(frame)
                named_ids += response.parked_order_ids
                if response.diffs:  # that of `o` is sent
                    with closing(connect_checked_writer(server.model.path, "NORMAL")) as writer:
                        for table in ("parked_orders", "ordertrail_waiting"):
                            writer.execute(f"DELETE FROM {table}")
        assert named_ids == ["o"]


async def test_parked_order_is_named(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.record("o", build_placed("p"), NOON)
        server.land("o", seal_record("o", 2, server.aggregate("o").head, b""))
        server.record("p", build_placed("p"), NOON + 2 * SECOND)
        await server.project()
        frames = await read_frames(server, DiffOrdersRequest(recorded_from=moment(NOON)))
        assert [order_id for frame in frames for order_id in frame.parked_order_ids] == ["o"]
        assert [diff.after.order_id for frame in frames for diff in frame.diffs] == ["o", "p"]


@pytest.mark.parametrize(
    ("request_", "reason", "where"),
    [
        (
            DiffOrdersRequest(recorded_from=moment(NOON + 1), recorded_before=moment(NOON)),
            ErrorReason.ERROR_REASON_INVALID_REQUEST,
            "recorded_before",
        ),
        (
            DiffOrdersRequest(recorded_from=moment(time_ns() + 10**15)),
            ErrorReason.ERROR_REASON_FUTURE_TIME,
            "recorded_from",
        ),
        (
            DiffOrdersRequest(recorded_from=moment(NOON), recorded_before=moment(time_ns() + 10**15)),
            ErrorReason.ERROR_REASON_FUTURE_TIME,
            "recorded_before",
        ),
        (
            DiffOrdersRequest(from_token=write_token(IDENTITY, {0: 2}), until_token=write_token(IDENTITY, {0: 1})),
            ErrorReason.ERROR_REASON_INVALID_REQUEST,
            "until_token",
        ),
        (DiffOrdersRequest(from_token="x"), ErrorReason.ERROR_REASON_INVALID_TOKEN, "from_token"),
    ],
)
async def test_moment_that_cannot_be_compared_is_refused(
    tmp_path: Path, request_: DiffOrdersRequest, reason: int, where: str
) -> None:
    async with serve_history(tmp_path, identity=IDENTITY) as server:
        await server.project()
        with pytest.raises(Refused) as error:
            await read_frames(server, request_)
        assert (error.value.refusal.reason, error.value.refusal.where) == (reason, where)


async def test_diff_of_a_short_interval_visits_few_rows_of_a_long_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step_count = 0

    def count_steps(*arguments: Any) -> changed_orders.ChangedOrders:
        nonlocal step_count
        step_count += 1
        return changed_orders.find_changed_orders(*arguments)

    monkeypatch.setattr(history_rows, "BLOCK", 16)
    monkeypatch.setattr(changed_orders, "WINDOW", 16)
    monkeypatch.setattr(diff_stream, "find_changed_orders", count_steps)
    async with serve_history(tmp_path) as server:
        for number in range(1_000):
            server.record(f"o-{number}", build_placed("p"), NOON + number)
        await server.project()
        request = DiffOrdersRequest(recorded_from=moment(NOON + 500), recorded_before=moment(NOON + 510))
        assert list(await read_diffs(server, request)) == [f"o-{number}" for number in range(500, 510)]
    assert step_count <= 3
