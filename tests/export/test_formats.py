"""Each format, read back, has the rows of the projections, whatever their facts hold."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.export.exported_files import as_read_back, read_files
from tests.export.folded_directory import Tables, fold_both, read_tables, sort_tables
from tests.log.memory import MemoryLog
from tests.projections.log_builder import LogBuilder, build_many_orders, create_log
from tests.projections.memory_directory import memory_directory
from tests.projections.timeline.strange_orders import StrangeFact, create_strange_log, strange_facts
from tests.trials import choose_size

from ordertrail.v1.order_events_pb2 import OrderCancelled, OrderedLine, OrderPlaced, OrderSource
from ordertrail_server.export.export import export
from ordertrail_server.export.file_format import FileFormat
from ordertrail_server.export.row_reader import STEP_ROWS

TEXTS = (
    'quote " and , comma',
    "line\nline\r\nline\rline",
    "NUL \0 and \x1b",
    " \u2028\u0085\ufeff😀 ",
    '{"a": [1]}',
    "=1+1",
)


def assert_files_have_rows(data: Path, file_format: FileFormat, tables: Tables) -> None:
    target = data / f"export-{file_format.value}"
    report = export(data, target, file_format, lambda done, total: None)
    files = read_files(target, file_format)
    assert report.row_counts == {name: len(rows) for name, rows in files.items()}
    assert sort_tables(files) == sort_tables(as_read_back(tables, file_format))


async def export_in_each_format(log: MemoryLog, data: Path) -> None:
    await fold_both(log, data)
    tables = read_tables(log, data)
    for file_format in FileFormat:
        assert_files_have_rows(data, file_format, tables)


@pytest.mark.sampled
@settings(max_examples=choose_size(10, 60, 5_000))
@given(facts=strange_facts)
def test_files_have_the_rows_of_the_projections(facts: list[StrangeFact]) -> None:
    async def compare(data: Path) -> None:
        await export_in_each_format(await create_strange_log(facts), data)

    with memory_directory() as data:
        asyncio.run(compare(data))


async def test_strange_texts_are_the_same_when_they_are_read_back(tmp_path: Path) -> None:
    builder = LogBuilder()
    for text in TEXTS:
        source = OrderSource(reference=text, other_json=text)
        lines = [OrderedLine(product_id=text, quantity=1)]
        builder.add_fact(f"order {text}", OrderPlaced(customer_id=text, lines=lines, source=source))
        builder.add_fact(f"order {text}", OrderCancelled(reason=text))
    await export_in_each_format(await create_log(builder), tmp_path)


async def test_export_has_all_rows_if_they_are_read_in_several_steps(tmp_path: Path) -> None:
    log = await create_log(LogBuilder())
    await log.append(0, [*build_many_orders(STEP_ROWS // 2)])
    await export_in_each_format(log, tmp_path)


async def test_export_of_an_empty_log_has_files_without_rows(tmp_path: Path) -> None:
    await export_in_each_format(MemoryLog(), tmp_path)
