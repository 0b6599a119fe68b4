"""The queries of docs/timeline.md have the output below them, and its tables have the columns of the views."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, read_blocks
from tests.docs.timeline_orders import build_timeline_orders
from tests.projections.log_builder import write_log
from tests.projections.projection_fold import fold_live

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.projections.catalog import TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.timeline.tables import FOREVER
from ordertrail_server.storage.connection import Connection, connect_reader

PAGE = ROOT / "docs" / "timeline.md"
ANSWERS = dict(zip(read_blocks(PAGE, "sql"), read_blocks(PAGE, "text"), strict=True))


async def fold_timeline(directory: Path) -> Path:
    """Fold the log of a data directory, and return the file of its timeline."""
    log = EmbeddedLog.follow(directory)
    projections = DataDirectory(directory).projections
    await fold_live(TIMELINE, log, projections)
    await log.close()
    return live_generation(projections, TIMELINE)


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """The timeline of a data directory with the orders of the page."""
    directory = tmp_path_factory.mktemp("data")
    write_log(directory, build_timeline_orders().records[0])
    with closing(connect_reader(asyncio.run(fold_timeline(directory)))) as connection:
        yield connection


def run_query(timeline: Connection, query: str) -> str:
    """Return the answer as a table of text."""
    cursor = timeline.execute(query)
    rows = [[column[0] for column in cursor.description], *([str(value) for value in row] for row in cursor)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in lines)


def test_page_has_queries() -> None:
    assert len(ANSWERS) == 6


@pytest.mark.parametrize("query", ANSWERS, ids=lambda query: query.splitlines()[0][:40])
def test_query_of_the_page_has_the_output_below_it(timeline: Connection, query: str) -> None:
    assert run_query(timeline, query) == ANSWERS[query]


def test_condition_of_the_page_never_loses_a_present_version(timeline: Connection) -> None:
    present = "SELECT order_id, version FROM order_versions WHERE valid_from <= '9' AND '9' < valid_until ORDER BY 1"
    assert timeline.execute(present).fetchall() == [("order-1", 6), ("order-2", 2), ("order-3", 3)]
    assert f"`{FOREVER}`" in PAGE.read_text()


@pytest.mark.parametrize(
    ("view", "heading"), [("order_versions", "`order_id`, `version`"), ("line_versions", "`order_id`, `product_id`")]
)
def test_tables_of_the_page_list_all_columns(timeline: Connection, view: str, heading: str) -> None:
    text = PAGE.read_text()
    table = next(part for part in text.split("\n\n") if part.startswith("| column |") and heading in part)
    documented = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert documented == [column[0] for column in timeline.execute(f"SELECT * FROM {view}").description]
