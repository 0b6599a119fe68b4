"""The command handler restarts on the projection, waits for it, stops cleanly and survives kills."""

import asyncio
import os
import random
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from operator import le
from pathlib import Path
from subprocess import PIPE, Popen
from time import monotonic
from typing import Any

import pytest
from tests.commands import running_handler as program
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import (
    ORDER_IDS,
    ProjectedHandler,
    create_handler,
    handle,
    project_once,
    run_handler,
)
from tests.commands.running_writer import require_accepted, require_refusal_reason
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_place_order,
    prepare_attempt,
)
from tests.commands.simulation.order_stores import NothingProjected
from tests.trials import choose_size

from ordertrail_server.commands.fold import Fold, OrderStore
from ordertrail_server.commands.order_store import ProjectedOrders
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import LogDamaged, Logged, LogUnavailable
from ordertrail_server.log.progress import Progress
from ordertrail_server.orders.refusal import Refused
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.orders.order_reader import OrderReader

KILLS = choose_size(2, 4, 400)


class ReadRecordingLog(EmbeddedLog):
    """Records the offsets at which reads begin."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.read_offsets: list[int] = []

    async def read(self, partition: int, offset: int, limit: int) -> list[Logged]:
        self.read_offsets.append(offset)
        return await super().read(partition, offset, limit)


@pytest.fixture
def projections(tmp_path: Path) -> Path:
    return tmp_path / "projections"


async def test_every_partition_has_a_writer(tmp_path: Path, projections: Path) -> None:
    log = EmbeddedLog.create(tmp_path, partitions=3)
    async with run_handler(log, projections) as handler:
        answers = await handle(handler, [build_place_order("place", f"order-{number}") for number in range(12)])
        ends = [await log.end(partition) for partition in range(3)]
    assert [require_accepted(answer).fact.version for answer in answers] == [1] * 12
    assert sum(ends) == 12
    assert all(ends)


async def test_restart_reads_no_record_that_is_projected(tmp_path: Path, projections: Path) -> None:
    log: EmbeddedLog = EmbeddedLog.create(tmp_path)
    server = ProjectedHandler(log, projections)
    async with server.run() as handler:
        [first] = await handle(handler, [build_place_order()])
        await handle(handler, [build_change_quantity(f"change-{number}", number) for number in range(2, 50)])
        await server.wait_projected()
    await log.close()
    log = ReadRecordingLog.open(tmp_path)
    async with run_handler(log, projections) as handler:
        # The last projected record is read to check that the log continues it.
        assert min(log.read_offsets) == 48
        [replay, next_answer] = await handle(handler, [build_place_order(), build_confirm_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(next_answer).fact.version == 50


async def test_restart_without_projection_builds_it_to_same_state(tmp_path: Path, projections: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), projections) as handler:
        [first] = await handle(handler, [build_place_order()])
    async with run_handler(EmbeddedLog.open(tmp_path), tmp_path / "others") as handler:
        [replay, next_answer] = await handle(handler, [build_place_order(), build_confirm_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(next_answer).fact.version == 2


async def test_receipt_of_a_retry_leads_to_record_of_first_call(tmp_path: Path, projections: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), projections) as handler:
        [first] = await handle(handler, [build_place_order()])
        [replay] = await handle(handler, [build_place_order()])
        assert require_accepted(replay).record is None
        assert await handler.read_record(ORDER, require_accepted(replay)) == require_accepted(first).record


async def test_stop_answers_queued_commands_and_refuses_new_ones(tmp_path: Path, projections: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), projections) as handler:
        waiting = [prepare_attempt(build_place_order("place", f"order-{number}")) for number in range(50)]
        for attempt in waiting:
            handler.submit(attempt)
        stop_task = asyncio.create_task(handler.stop())
        await asyncio.sleep(0)
        with pytest.raises(Refused) as error:
            handler.submit(prepare_attempt(build_place_order()))
        await stop_task
    assert require_refusal_reason(error.value.refusal) == "UNAVAILABLE"
    assert {require_accepted(await attempt.answer).fact.version for attempt in waiting} == {1}


async def test_stop_does_not_wait_for_writer_that_failed_on_damage(projections: Path) -> None:
    log = FaultyLog()
    await project_once(log, projections)
    handler = create_handler(log, projections, Progress())
    running = asyncio.create_task(handler.run())
    await handler.wait_until_ready()
    await handle(handler, [build_place_order()])
    log.records[0].clear()
    waiting = prepare_attempt(build_change_quantity("change", 2))
    handler.submit(waiting)
    with pytest.raises(LogDamaged):
        await running
    await asyncio.wait_for(handler.stop(), 10)
    assert require_refusal_reason(await waiting.answer) == "UNAVAILABLE"


async def test_commands_are_refused_with_progress_until_log_is_projected(projections: Path) -> None:
    log = FaultyLog()
    handler = create_handler(log, projections, Progress())
    running = asyncio.create_task(handler.run())
    with pytest.raises(Refused) as error:
        handler.submit(prepare_attempt(build_place_order()))
    assert require_refusal_reason(error.value.refusal) == "UNAVAILABLE"
    with pytest.raises(Refused) as error:
        await handler.wait_ready(monotonic())
    assert "0 of 0 records are folded" in error.value.refusal.message
    waiting = asyncio.create_task(handler.wait_ready())
    await project_once(log, projections)
    await asyncio.wait_for(waiting, 30)
    await handler.stop()
    await running


async def test_handler_starts_once_log_is_reachable(projections: Path) -> None:
    log = FaultyLog()
    await project_once(log, projections)
    log.unreachable = True
    log.errors.append(LogUnavailable())
    handler = create_handler(log, projections, Progress())
    running = asyncio.create_task(handler.run())
    while log.end_queries < 3:  # noqa: ASYNC110 (until a query has failed)
        await asyncio.sleep(0)
    log.unreachable = False
    log.errors.clear()
    await asyncio.wait_for(handler.wait_until_ready(), 30)
    await handler.stop()
    await running


async def test_log_that_lost_projected_records_stops_handler(projections: Path) -> None:
    log = FaultyLog()
    async with ProjectedHandler(log, projections).run() as handler:
        await handle(handler, [build_place_order(f"place-{order}", order) for order in ORDER_IDS])
    await project_once(log, projections)
    del log.records[0][3:]
    with pytest.raises(LogDamaged, match="ends at offset 3, but it had 5 records"):
        await create_handler(log, projections, Progress()).run()


async def test_commands_succeed_again_once_projection_is_readable(tmp_path: Path, projections: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), projections) as handler:
        [first] = await handle(handler, [build_place_order()])
    async with run_handler(EmbeddedLog.open(tmp_path), projections) as handler:
        store: Any = handler._writers[0].fold._store
        store._reader._connection.set_progress_handler(lambda: 1, 1)  # every query fails (SQLITE_INTERRUPT)
        [refused] = await handle(handler, [build_place_order()])
        assert require_refusal_reason(refused) == "UNAVAILABLE"
        store._reader._connection.set_progress_handler(None, 1)
        [replay] = await handle(handler, [build_place_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact


def run_until_killed(directory: Path, may_kill: Callable[[int], bool]) -> list[str]:
    """Return the request ids that a process acknowledged before it was killed during further commands.

    It is killed once `may_kill` returns true for the number of acknowledged requests.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, program.__file__, str(directory)]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline()]
        while lines[-1] and not may_kill(len(lines)):
            lines.append(process.stdout.readline())
        process.kill()
        # Not `communicate`, because it would skip what readline has buffered.
        output, errors = process.stdout.read(), process.stderr.read()
        assert lines[-1], errors
    whole = output[: output.rfind("\n") + 1]
    return [line.strip() for line in lines] + whole.splitlines()


async def fold_state(log: EmbeddedLog, store: OrderStore, requests: list[str]) -> list[object]:
    """Return the orders and receipts of a fold on a store."""
    fold = Fold(log, 0, store)
    await fold.catch_up()
    receipts = [fold.receipt(request.split("-", 1)[1], request) for request in requests]
    assert None not in receipts
    return [*map(fold.aggregate, ORDER_IDS), *receipts]


@pytest.mark.sampled
async def test_killed_server_resumes_to_state_of_a_fresh_fold(tmp_path: Path, projections: Path) -> None:
    acknowledged: list[str] = []
    positions: list[int] = []
    for kill in range(KILLS + 1):
        acknowledged += run_until_killed(tmp_path, partial(le, random.Random(kill).randrange(1, 600)))
        log = EmbeddedLog.open(tmp_path)
        with closing(OrderReader(live_generation(projections, ORDERS))) as reader:
            positions.append(reader.position(0))
            projected = await fold_state(log, ProjectedOrders(reader, 0), acknowledged)
        assert projected == await fold_state(log, NothingProjected(), acknowledged)
        await log.close()
    assert positions[-1] > 0
