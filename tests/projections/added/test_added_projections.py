"""A projection of another package is built beside the others, and its faults stay its own."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.running_server import ROOT, RunningServer
from tests.projections.added.package import Package
from tests.projections.log_builder import build_many_orders, write_log

from ordertrail.client import OrderTrail, connect
from ordertrail.v1.projection_service_pb2 import ListProjectionsRequest, Projection, ResumeProjectionRequest
from ordertrail.values import line
from ordertrail_server.projections.generation import list_generations
from ordertrail_server.storage.connection import connect_reader

ORDER_COUNT, EVENT_COUNT = 1_000, 3_000  # two batches
SECOND_BATCH = 2_500
SECONDS = 60.0

Condition = Callable[[Projection], bool]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of the server's module path."""
    return tmp_path / "site"


@pytest.fixture
def server(tmp_path: Path, site: Path) -> Iterator[RunningServer]:
    """A server on a log that existed before, not started yet."""
    data = tmp_path / "data"
    data.mkdir()
    write_log(data, build_many_orders(ORDER_COUNT))
    folders = (str(ROOT / "client"), str(ROOT / "server"), str(site))
    server = RunningServer(data, {"PYTHONPATH": os.pathsep.join(folders), "ORDERTRAIL_GRACE_SECONDS": "2"})
    yield server
    server.close()


@asynccontextmanager
async def connect_started(server: RunningServer) -> AsyncIterator[OrderTrail]:
    server.start()
    async with connect(server.address, timeout=60) as client:
        yield client


async def wait_for(client: OrderTrail, name: str, condition: Condition) -> Projection:
    """Return the report of a projection once it meets the condition."""
    async with asyncio.timeout(SECONDS):
        while True:
            response = await client.projection.ListProjections(ListProjectionsRequest())
            [projection] = [projection for projection in response.projections if projection.name == name]
            if condition(projection):
                return projection
            await asyncio.sleep(0.2)


def is_complete(projection: Projection) -> bool:
    own = [generation for generation in projection.generations if generation.definition == projection.definition]
    return bool(own) and own[-1].lag_count == 0


def has_stopped(projection: Projection) -> bool:
    return bool(projection.stopped_reason)


def read_applied(server: RunningServer, name: str) -> list[int]:
    """Return how often each event was applied to the newest generation of a projection."""
    directory = server.data / "projections"
    files = [generation.file(directory) for generation in list_generations(directory) if generation.name == name]
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    with closing(connect_reader(newest)) as connection:
        return [applied for (applied,) in connection.execute("SELECT applied FROM applied")]


async def place_and_read(client: OrderTrail, order_id: str) -> None:
    """Place an order and read its events, which needs the projections of the server."""
    receipt = await client.place("shop-1", [line("apple", 1, "1.00", "EUR")], order_id=order_id)
    events = client.list_events(order_id=order_id, at_least_as_fresh=[receipt.consistency_token])
    assert [event.order_version async for event in events] == [1]


async def test_installed_projection_is_built_from_the_first_event_of_an_existing_log(
    server: RunningServer, site: Path
) -> None:
    Package(site, "shelf")
    async with connect_started(server) as client:
        await place_and_read(client, "new-order")
        await wait_for(client, "shelf", is_complete)
    assert read_applied(server, "shelf") == [1] * (EVENT_COUNT + 1)


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "import_error": ({"head": "import no_such_module_at_all"}, "no_such_module_at_all"),
    "import_exit": ({"head": "sys.exit(3)"}, "SystemExit: 3"),
    "wrong_name": ({"class_name": "another"}, "'wrong_name'"),
    "no_class": ({"attribute": "Path"}, "subclass of Projection"),
    "no_attribute": ({"attribute": "Missing"}, "Missing"),
    "reserved_table": ({"table": "ordertrail_extra"}, "ordertrail_"),
    "clashing_table": ({"table": "ordertrail_meta"}, "ordertrail_meta"),
    "raises": ({"fault": 'raise ValueError("no more")', "fault_offset": SECOND_BATCH}, "ValueError: no more"),
    "bad_sql": ({"fault": 'database.execute("SELECT * FROM missing")'}, "no such table: missing"),
    "exits": ({"fault": "sys.exit(5)"}, "SystemExit: 5"),
    "commits": ({"fault": 'database.execute("COMMIT")'}, "ended the transaction"),
    "prints": (
        {"fault": 'print("5", flush=True); sys.stdin.read(); raise ValueError("no more")'},
        "ValueError: no more",
    ),
    "raises_lines": ({"fault": 'raise ValueError("no\\n\\nmore\\n")'}, "ValueError: no more"),
    "raises_surrogates": ({"fault": 'raise ValueError("no \\udcff more")'}, "ValueError: no "),
    "raises_much": ({"fault": 'raise ValueError("no more" + "!" * 200_000)'}, "ValueError: no more!!!"),
    "raises_base": ({"fault": "raise GeneratorExit"}, "GeneratorExit"),
    "raises_itself": (
        {"head": "class Fault(Exception):\n    def __str__(self): raise self", "fault": "raise Fault"},
        "message raises Fault",
    ),
    "no_entry": ({"attribute": ""}, "is not MODULE:CLASS"),
    "dies": ({"fault": "os._exit(7)"}, "exit code 7"),
    "sleeps": ({"fault": "time.sleep(100_000)"}, "busy with one batch"),
    "loops": ({"fault": "while True: pass"}, "busy with one batch"),
}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(list(FAULTY)[:5], id="load"),
        pytest.param(list(FAULTY)[5:10], id="run"),
        pytest.param(list(FAULTY)[10:17], id="text"),
        pytest.param(list(FAULTY)[17:], id="end", marks=pytest.mark.trial),
    ],
)
async def test_faulty_projection_stops_alone_and_reports_why(
    server: RunningServer, site: Path, names: list[str]
) -> None:
    Package(site, "shelf")
    for name in names:
        Package(site, name, **FAULTY[name][0])
    async with connect_started(server) as client:
        for name in names:
            report = await wait_for(client, name, has_stopped)
            assert FAULTY[name][1] in report.stopped_reason
        await place_and_read(client, "new-order")
        assert not has_stopped(await wait_for(client, "shelf", is_complete))
        assert not has_stopped(await wait_for(client, "product_totals", is_complete))
    assert server.stop() == 0


@pytest.mark.parametrize(
    "fault", ['raise ValueError("no more")', "os._exit(7)", pytest.param("while True: pass", marks=pytest.mark.trial)]
)
async def test_resumed_projection_continues_with_each_event_applied_once(
    server: RunningServer, site: Path, fault: str
) -> None:
    package = Package(site, "shelf", fault, fault_offset=SECOND_BATCH)
    async with connect_started(server) as client:
        await wait_for(client, "shelf", has_stopped)
        assert len(read_applied(server, "shelf")) == 2_000
        package.remove_cause()
        await client.projection.ResumeProjection(ResumeProjectionRequest(name="shelf"))
        await wait_for(client, "shelf", lambda report: is_complete(report) and not has_stopped(report))
    assert read_applied(server, "shelf") == [1] * EVENT_COUNT


async def test_projection_whose_code_was_fixed_is_built_anew_when_it_is_resumed(
    server: RunningServer, site: Path
) -> None:
    package = Package(site, "shelf", 'raise ValueError("no more")', fault_offset=SECOND_BATCH)
    async with connect_started(server) as client:
        stopped = await wait_for(client, "shelf", has_stopped)
        package.write_source(package.source.replace("raise ValueError", "print"))
        await client.projection.ResumeProjection(ResumeProjectionRequest(name="shelf"))
        report = await wait_for(client, "shelf", lambda report: not has_stopped(report) and is_complete(report))
        assert report.definition != stopped.definition
    assert read_applied(server, "shelf") == [1] * EVENT_COUNT


async def test_projection_with_a_name_of_the_server_is_ignored(server: RunningServer, site: Path) -> None:
    Package(site, "history", 'raise ValueError("not mine")')
    async with connect_started(server) as client:
        await place_and_read(client, "new-order")
        assert not has_stopped(await wait_for(client, "history", is_complete))
    assert "'history' of an installed package is ignored" in server.stderr
