"""All files of an export include the same records, wherever the two projections are."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from tests.export.exported_files import read_files
from tests.export.folded_directory import Tables, fold, fold_both, read_tables, sort_tables
from tests.projections.log_builder import (
    CONFIRMED,
    PLACED,
    PLUM_ADDED,
    LogBuilder,
    build_many_orders,
    create_log,
    remove,
)
from tests.projections.older_release import hide_events

from ordertrail_server.export.export import export
from ordertrail_server.export.export_error import ExportRefused
from ordertrail_server.export.export_report import ExportReport
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import Entry
from ordertrail_server.log.token import read_token
from ordertrail_server.projections.catalog import HISTORY, TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.storage.checked.file import create_checked_file

PARTITIONS = 2
ORDER_IDS = ("order-0", "order-1", "order-2")


def build_records(count: int) -> LogBuilder:
    """Return the records of the first events of some orders."""
    builder = LogBuilder(PARTITIONS)
    events = (PLACED, PLUM_ADDED, remove("apple"), CONFIRMED)
    for event, order_id in [(event, order_id) for event in events for order_id in ORDER_IDS][:count]:
        builder.add_fact(order_id, event)
    return builder


def export_lines(data: Path) -> tuple[ExportReport, Tables]:
    target = data / "export"
    report = export(data, target, FileFormat.JSON_LINES, lambda done, total: None, replaces=True)
    return report, sort_tables(read_files(target, FileFormat.JSON_LINES))


@pytest.mark.parametrize("ahead", [HISTORY, TIMELINE])
async def test_export_ends_where_the_projection_that_is_behind_ends(tmp_path: Path, ahead: str) -> None:
    log = await create_log(build_records(7))
    await fold_both(log, tmp_path)
    tables = sort_tables(read_tables(log, tmp_path))
    offsets = {partition: len(records) for partition, records in enumerate(log.records)}
    for partition, entries in enumerate(build_records(12).records):
        await log.append(partition, entries[offsets[partition] :])
    await fold(log, tmp_path, ahead)
    report, files = export_lines(tmp_path)
    assert files == tables
    assert (report.position.offsets, report.lag_count) == (offsets, 5)
    assert read_token(report.position.token, log.identity) == {p: offset for p, offset in offsets.items() if offset}
    assert {partition_of(order_id, PARTITIONS) for order_id in ORDER_IDS} == {0, 1}


async def test_stopped_server_whose_timeline_is_far_behind_is_refused(tmp_path: Path) -> None:
    log = await create_log(LogBuilder())
    await fold_both(log, tmp_path)
    await log.append(0, build_many_orders(400))
    await fold(log, tmp_path, HISTORY)
    with pytest.raises(ExportRefused, match=r"one lacks 1,200 records\. Start the server with"):
        export_lines(tmp_path)
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("names", [[], [HISTORY], [TIMELINE]])
async def test_directory_without_one_of_the_projections_is_refused(tmp_path: Path, names: list[str]) -> None:
    await fold(await create_log(build_records(3)), tmp_path, *names)
    with pytest.raises(ExportRefused, match=r"has no projection (history|timeline) of this release\. Start its server"):
        export_lines(tmp_path)


async def test_projection_that_is_being_built_is_refused(tmp_path: Path) -> None:
    log = await create_log(build_records(3))
    await fold(log, tmp_path, HISTORY)
    engine = await open_engine(log, DataDirectory(tmp_path).projections, [TIMELINE])
    with closing(engine), pytest.raises(ExportRefused, match=r"The projection timeline in .* is not complete"):
        export_lines(tmp_path)


async def test_projection_whose_tables_are_not_created_yet_is_refused(tmp_path: Path) -> None:
    await fold(await create_log(build_records(3)), tmp_path, HISTORY)
    create_checked_file(live_generation(DataDirectory(tmp_path).projections, TIMELINE))
    with pytest.raises(ExportRefused, match=r"The projection timeline in .* is not complete"):
        export_lines(tmp_path)


async def test_parked_order_that_is_freed_during_an_export_is_exported_in_whole(tmp_path: Path) -> None:
    log = await create_log(build_records(12))
    retries = 0
    with closing(await open_engine(log, DataDirectory(tmp_path).projections, [HISTORY, TIMELINE])) as engine:
        with hide_events("order_line_added"):
            await engine.catch_up()
        assert sorted(export_lines(tmp_path)[0].parked_ids) == [*ORDER_IDS]
        loop = asyncio.get_running_loop()

        def free_one(done: int, total: int) -> None:
            nonlocal retries
            if retries < len(ORDER_IDS):
                asyncio.run_coroutine_threadsafe(engine.retry(ORDER_IDS[retries]), loop).result()
                retries += 1

        target = tmp_path / "export"
        report = await asyncio.to_thread(export, tmp_path, target, FileFormat.JSON_LINES, free_one, replaces=True)
    assert (retries, report.parked_ids) == (3, [])
    assert sort_tables(read_files(target, FileFormat.JSON_LINES)) == sort_tables(read_tables(log, tmp_path))


async def test_waiting_facts_after_the_position_are_not_reported(tmp_path: Path) -> None:
    log = await create_log(build_records(3))
    await fold_both(log, tmp_path)
    builder = build_records(3)
    builder.add_future_event("order-0")
    partition = partition_of("order-0", PARTITIONS)
    entry: Entry = builder.records[partition][-1]
    await log.append(partition, [entry])
    await fold(log, tmp_path, HISTORY)
    assert export_lines(tmp_path)[0].parked_ids == []
    await fold(log, tmp_path, TIMELINE)
    assert export_lines(tmp_path)[0].parked_ids == ["order-0"]
