"""A rebuild of a stopped server folds from offset 0 into new generations, compares and promotes them."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from tests.log.embedded.power_cut import watch_syncs
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, write_log
from tests.projections.sample_projections import Ledger, Tally
from tests.projections.stored_rows import indexes, read_rows

from ordertrail_server.log.data_directory import open_to_serve
from ordertrail_server.projections.catalog import HISTORY, ORDERS, OWN_NAMES, TIMELINE, own_names
from ordertrail_server.projections.generation import current_generation, list_generations, live_generation
from ordertrail_server.projections.rebuild import RebuildCounts, RebuildReport, rebuild
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.connection import connect_reader
from ordertrail_server.storage.lock import DataDirectoryRefused

NAMES = (*OWN_NAMES, Ledger.name, Tally.name)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_fact("order-2", PLACED)
    builder.add_statement("order-3")
    builder.add_repetition("order-1", version=1)
    builder.add_future_event("order-2")
    builder.add_fact("order-2", CONFIRMED)
    builder.add_fact("order-1", PLUM_ADDED)
    write_log(tmp_path, builder.records[0])
    return tmp_path


def run_rebuild(data: Path) -> RebuildReport:
    return rebuild(data, lambda done, total: None)


def find_live_file(data: Path, name: str) -> Path:
    return live_generation(data / "projections", name)


def read_live_rows(data: Path) -> list[object]:
    return [(read_rows(find_live_file(data, name)), indexes(find_live_file(data, name))) for name in NAMES]


def list_numbers(data: Path, name: str) -> list[int]:
    return [generation.number for generation in list_generations(data / "projections") if generation.name == name]


def execute(data: Path, name: str, statement: str) -> None:
    with closing(connect_checked_writer(find_live_file(data, name))) as connection:
        assert connection.execute(statement).rowcount > 0


def test_rebuild_reports_its_counts_and_its_progress(data: Path) -> None:
    progress: list[tuple[int, int]] = []
    report = rebuild(data, lambda done, total: progress.append((done, total)))
    assert report.counts == RebuildCounts(7, 3, 4, 1, waiting=2, parked=1)
    assert progress[-1] == (7, 7)


def test_first_rebuild_compares_nothing_and_says_why(data: Path) -> None:
    report = run_rebuild(data)
    assert report.comparisons == {}
    assert report.not_compared == {
        name: f"The live generation of {name} is missing, damaged or incomplete." for name in NAMES
    }


def test_rebuilt_generations_equal_the_ones_before(data: Path) -> None:
    run_rebuild(data)
    rows = read_live_rows(data)
    report = run_rebuild(data)
    assert (set(report.comparisons), report.difference_count, report.not_compared) == ({*NAMES}, 0, {})
    assert read_live_rows(data) == rows


def test_live_generation_that_lags_is_brought_up_to_date_and_compared(data: Path) -> None:
    run_rebuild(data)
    for name in NAMES:
        with closing(connect_reader(find_live_file(data, name))) as connection:
            assert connection.execute("SELECT sum(next_offset) FROM ordertrail_positions").fetchone() == (7,)
    builder = LogBuilder()
    builder.add_fact("order-9", PLACED)
    append_records(data, builder)
    report = run_rebuild(data)
    assert (set(report.comparisons), report.difference_count, report.counts.records) == ({*NAMES}, 0, 8)


def append_records(data: Path, builder: LogBuilder) -> None:
    """Append records to the log of the directory."""

    async def append() -> None:
        log = open_to_serve(data)
        await log.append(0, builder.records[0])
        await log.close()

    asyncio.run(append())


def test_differences_are_reported_with_their_keys_and_the_new_generation_is_promoted(data: Path) -> None:
    run_rebuild(data)
    rows = read_live_rows(data)
    execute(data, ORDERS, "UPDATE orders SET customer_id = 'thief' WHERE order_id = 'order-3'")
    report = run_rebuild(data)
    assert report.difference_count == 1
    assert {table.table: table.different_keys for table in report.comparisons[ORDERS] if table.difference_count} == {
        "orders": ["order-3"]
    }
    assert read_live_rows(data) == rows


@pytest.mark.parametrize("damage", ["file", "missing"])
def test_damaged_generation_is_replaced_without_a_comparison_and_not_kept(data: Path, damage: str) -> None:
    run_rebuild(data)
    rows = read_live_rows(data)
    damaged = find_live_file(data, HISTORY)
    if damage == "file":
        damaged.write_bytes(b"no SQLite file at all")
        damaged.with_name(f"{damaged.name}-wal").write_bytes(b"left by another file")
    else:
        damaged.unlink()
    report = run_rebuild(data)
    assert (set(report.comparisons), set(report.not_compared)) == ({*NAMES} - {HISTORY}, {HISTORY})
    assert read_live_rows(data) == rows
    assert not damaged.exists()


def test_only_the_generation_before_the_live_one_is_kept(data: Path) -> None:
    for _ in range(4):
        run_rebuild(data)
    for name in NAMES:
        live = current_generation(data / "projections", name).number
        assert list_numbers(data, name) == [live - 1, live]


def test_promotion_is_durable(data: Path) -> None:
    run_rebuild(data)
    with watch_syncs() as names:
        run_rebuild(data)
    pointers = sorted((data / "projections").glob("*.live"))
    assert len(pointers) == len(NAMES)
    assert all(names.survives(pointer, below=data / "projections") for pointer in pointers)


def test_interrupted_rebuild_leaves_the_live_generations_and_the_next_one_removes_its_files(data: Path) -> None:
    run_rebuild(data)
    rows, files = read_live_rows(data), sorted(path.name for path in (data / "projections").glob("*.sqlite"))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(data, interrupt)
    assert read_live_rows(data) == rows
    run_rebuild(data)
    run_rebuild(data)
    assert read_live_rows(data) == rows
    assert len(list((data / "projections").glob("*.sqlite"))) == 2 * len(files)


def test_rebuild_refuses_a_directory_without_a_log(tmp_path: Path) -> None:
    with pytest.raises(DataDirectoryRefused, match="holds no log"):
        run_rebuild(tmp_path)


def test_rebuild_of_a_server_without_timeline_leaves_its_generations(data: Path) -> None:
    run_rebuild(data)
    names = own_names(has_timeline=False)
    report = rebuild(data, lambda done, total: None, names)
    assert set(report.comparisons) == {*NAMES} - {TIMELINE}
    live = {name: current_generation(data / "projections", name).number for name in NAMES}
    assert live == {name: 2 if name == TIMELINE else 3 for name in NAMES}


def test_difference_of_a_timeline_is_reported_with_the_id_of_the_order(data: Path) -> None:
    run_rebuild(data)
    execute(data, TIMELINE, "UPDATE order_changes SET status = 'LOST' WHERE version = 2")
    [differing] = [table for table in run_rebuild(data).comparisons[TIMELINE] if table.difference_count]
    assert (differing.table, differing.different_keys) == ("order_changes", ["order-1"])
