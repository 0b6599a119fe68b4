import asyncio
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from tests.log.memory import MemoryLog
from tests.projections.log_builder import build_many_orders

from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Entry
from ordertrail_server.projections import preparation as preparation_module
from ordertrail_server.projections.build import NEAR
from ordertrail_server.projections.catalog import HISTORY, ORDERS
from ordertrail_server.projections.loadable import find_loadable_projections
from ordertrail_server.projections.opened_engine import open_engine
from ordertrail_server.projections.preparation import Preparation, PreparationProgress
from ordertrail_server.projections.projection_error import PositionMoved


@pytest.fixture(autouse=True)
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation_module, "REST_SECONDS", (0.01, 0.02))


async def fold(log: MemoryLog, data: DataDirectory, names: list[str]) -> None:
    with closing(await open_engine(log, data.projections, names)) as engine:
        await engine.catch_up(lambda _: None)


async def prepare_and_overtake(directory: Path, names: list[str]) -> list[bool]:
    """Prepare `orders` and `history`. When they are ready, somebody else folds further records into the named ones.

    Return for each report of the preparation whether they were ready. It ends when they are ready again.
    """
    log, data = MemoryLog(partitions=1), DataDirectory(directory)
    first, *further = build_many_orders(NEAR)
    append(log, [first])
    readiness: list[bool] = []

    def note(progress: PreparationProgress) -> bool:
        readiness.append(progress.is_ready)
        if readiness.count(True) == 1 and readiness[-1]:
            append(log, further)
            overtaker = Thread(target=lambda: asyncio.run(fold(log, data, names)))
            overtaker.start()
            overtaker.join()
        return readiness.count(True) < 2

    await Preparation(log, data, [ORDERS, HISTORY]).run(note)
    return readiness


def append(log: MemoryLog, entries: list[Entry]) -> None:
    for entry in entries:
        log.land(0, entry)


async def test_preparation_continues_files_that_another_one_has_left(tmp_path: Path) -> None:
    assert (await prepare_and_overtake(tmp_path, [ORDERS]))[-1]


async def test_preparation_ends_if_another_one_has_made_the_files_ready(tmp_path: Path) -> None:
    with pytest.raises(PositionMoved):
        await prepare_and_overtake(tmp_path, [ORDERS, HISTORY, *find_loadable_projections(tmp_path)])
