from pathlib import Path

import pytest
from tests.history.history_server import NOON, SECOND, HistoryServer, build_placed, seal_record, serve_history

from ordertrail_server.history.time_blocks import offsets_before, offsets_since
from ordertrail_server.projections.history import history_rows


async def find_bounds(server: HistoryServer, begin: int, end: int) -> tuple[int, int]:
    """Return the offsets between which the events from second `begin` to before second `end` are."""
    model = server.model
    since = await model.read(lambda connection: offsets_since(model, NOON + begin * SECOND, connection))
    before = await model.read(lambda connection: offsets_before(model, NOON + end * SECOND, connection))
    return since[0], before[0]


def record_seconds(server: HistoryServer, *seconds: int) -> None:
    for second in seconds:
        server.record(f"o-{len(server.facts)}", build_placed("p"), NOON + second * SECOND)


@pytest.fixture(autouse=True)
def blocks_of_four_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_rows, "BLOCK", 4)


async def test_interval_needs_no_block_before_or_after_it(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        record_seconds(server, *range(40))
        await server.project()
        assert await find_bounds(server, 17, 19) == (16, 20)
        assert await find_bounds(server, 0, 40) == (0, 40)
        assert await find_bounds(server, 50, 60) == (40, 40)
        assert await find_bounds(server, -9, 0) == (0, 0)


async def test_late_and_early_events_are_within_the_bounds(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        record_seconds(server, 0, 1, 90, 3, *range(4, 36), 10, 37, 38, 39, 40)
        await server.project()
        assert await find_bounds(server, 50, 60) == (0, 41)
        assert await find_bounds(server, 5, 11) == (0, 40)


async def test_waiting_facts_are_within_the_bounds(tmp_path: Path) -> None:
    async with serve_history(tmp_path) as server:
        server.land("early", seal_record("early", 1, b"", b""))
        record_seconds(server, *range(40))
        server.land("late", seal_record("late", 1, b"", b""))
        await server.project()
        assert await find_bounds(server, 17, 19) == (0, 42)


async def test_bounds_of_an_empty_log_are_its_end(tmp_path: Path) -> None:
    async with serve_history(tmp_path, partitions=3) as server:
        await server.project()
        assert await find_bounds(server, 0, 1) == (0, 0)
