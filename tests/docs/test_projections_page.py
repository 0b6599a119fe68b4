"""The package that docs/projections.md builds can be installed, and has the rows of the server's own projection."""

import asyncio
import os
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, read_blocks
from tests.docs.reader import Reader, wait_until_current

from ordertrail.client import connect
from ordertrail.v1.projection_service_pb2 import ListProjectionsRequest
from ordertrail_server.projections.generation import list_generations
from ordertrail_server.storage.connection import connect_reader

PAGE = ROOT / "docs" / "projections.md"
GROUP = "ordertrail.projections"


def read_files() -> dict[str, str]:
    """Return the Python files of the page: the blocks of each name, one after another."""
    files: defaultdict[str, str] = defaultdict(str)
    for block in read_blocks(PAGE, "python"):
        name, _, text = block.partition("\n")
        files[name.removeprefix("# ")] += text
    return files


def install(site: Path) -> None:
    """Write the package and its metadata to a folder of the module path, as an installer would."""
    [text] = read_blocks(PAGE, "toml")
    project = tomllib.loads(text)["project"]
    for name, source in read_files().items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(source)
    metadata = site / "product_days-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entry_points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"][GROUP].items())
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{entry_points}")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader who has installed the package."""
    install(tmp_path / "site")
    folders = (str(ROOT / "client"), str(ROOT / "server"), str(tmp_path / "site"))
    reader = Reader(tmp_path, {"PYTHONPATH": os.pathsep.join(folders)})
    yield reader
    reader.server.close()


def read_rows(reader: Reader, projection: str) -> list[tuple[object, ...]]:
    directory = reader.server.data / "projections"
    [file] = [g.file(directory) for g in list_generations(directory) if g.name == projection]
    with closing(connect_reader(file)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {projection}"))


async def wait_until_folded(reader: Reader) -> None:
    """Wait until all projections include the whole log."""
    await wait_until_current(reader.server)
    async with connect(reader.server.address, timeout=60) as client:
        lag_count = 1
        while lag_count:
            response = await client.projection.ListProjections(ListProjectionsRequest())
            assert [projection.stopped_reason for projection in response.projections] == [""] * 6
            lag_count = sum(generation.lag_count for p in response.projections for generation in p.generations)
            await asyncio.sleep(0.1)


async def test_package_of_the_page_has_the_rows_of_the_built_in_projection(reader: Reader) -> None:
    await reader.run_command("ordertrail produce 60 --life 1")
    await wait_until_folded(reader)
    totals = read_rows(reader, "product_totals")
    assert totals == read_rows(reader, "product_days")
    program = str(reader.directory / "site" / "read_totals.py")
    printed = reader.run_program([sys.executable, program]).splitlines()
    assert sorted(printed) == sorted(" ".join(map(str, row)) for row in totals)


async def test_smallest_projection_of_the_page_has_the_last_event_of_each_order(reader: Reader) -> None:
    await reader.run_command("ordertrail produce 60 --life 1")
    await wait_until_folded(reader)
    async with connect(reader.server.address, timeout=60) as client:
        versions = {order.order_id: order.version async for order in client.list_orders(page_size=1_000)}
    assert {order_id: version for order_id, version, _ in read_rows(reader, "last_events")} == versions
