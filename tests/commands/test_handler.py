"""The command handler on the embedded log restarts from its snapshot, stops cleanly and survives kills."""

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from operator import le
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
from tests.commands import running_handler as program
from tests.commands.faulty_log import FaultyLog
from tests.commands.running_handler import ORDERS, ReadRecordingLog, build_handler, handle, run_handler
from tests.commands.running_writer import require_accepted, require_refusal_reason
from tests.commands.sample_requests import (
    ORDER,
    build_change_quantity,
    build_confirm_order,
    build_place_order,
    prepare_attempt,
)
from tests.trials import choose_size

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.commands.fold import Fold, Snapshot
from ordertrail_server.commands.state_store import StateStore
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.port import LogDamaged
from ordertrail_server.orders.refusal import Refusal, Refused

KILLS = choose_size(2, 8, 400)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


async def test_every_partition_has_a_writer(tmp_path: Path, state: Path) -> None:
    log = EmbeddedLog.create(tmp_path, partitions=3)
    async with run_handler(log, state) as handler:
        answers = await handle(handler, [build_place_order("place", f"order-{number}") for number in range(12)])
        ends = [await log.end(partition) for partition in range(3)]
    assert [require_accepted(answer).fact.version for answer in answers] == [1] * 12
    assert sum(ends) == 12
    assert all(ends)


async def test_restart_reads_only_records_after_the_snapshot(tmp_path: Path, state: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), state) as handler:
        [first] = await handle(handler, [build_place_order()])
        await handle(handler, [build_change_quantity(f"change-{number}", number) for number in range(2, 50)])
    log = ReadRecordingLog.open(tmp_path)
    async with run_handler(log, state) as handler:
        assert log.read_offsets == [48]  # the last record before the snapshot, to check that the log continues it
        [replay, next_answer] = await handle(handler, [build_place_order(), build_confirm_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(next_answer).fact.version == 50


async def test_restart_without_state_store_folds_log_to_same_state(tmp_path: Path, state: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), state) as handler:
        [first] = await handle(handler, [build_place_order()])
    async with run_handler(EmbeddedLog.open(tmp_path), tmp_path / "another.sqlite") as handler:
        [replay, next_answer] = await handle(handler, [build_place_order(), build_confirm_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact
    assert require_accepted(next_answer).fact.version == 2


async def test_receipt_of_a_retry_leads_to_record_of_first_call(tmp_path: Path, state: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), state) as handler:
        [first] = await handle(handler, [build_place_order()])
        [replay] = await handle(handler, [build_place_order()])
        assert require_accepted(replay).record is None
        assert await handler.read_record(ORDER, require_accepted(replay)) == require_accepted(first).record


async def test_stop_answers_queued_commands_and_refuses_new_ones(tmp_path: Path, state: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    handler = build_handler(log, state)
    await handler.start()
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
    assert read_position(log, state) == 50
    await log.close()


async def test_stop_does_not_wait_for_writer_that_failed_on_damage(state: Path) -> None:
    log = FaultyLog()
    handler = build_handler(log, state)
    await handler.start()
    await handle(handler, [build_place_order()])
    log.records[0].clear()
    waiting = prepare_attempt(build_change_quantity("change", 2))
    handler.submit(waiting)
    await asyncio.wait_for(handler.stop(), 10)
    outcome = await waiting.answer
    assert isinstance(outcome, Refusal)
    assert outcome.reason == reasons.ERROR_REASON_UNAVAILABLE


async def test_commands_are_refused_until_log_is_folded(tmp_path: Path, state: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    handler = build_handler(log, state)
    with pytest.raises(Refused) as error:
        handler.submit(prepare_attempt(build_place_order()))
    assert require_refusal_reason(error.value.refusal) == "UNAVAILABLE"
    await handler.stop()
    await log.close()


def read_position(log: EmbeddedLog, state: Path) -> int:
    store = StateStore(state, log, b"rules")
    position, _ = store.position(0)
    store.close()
    return position


async def test_log_that_lost_records_is_refused_at_start(tmp_path: Path, state: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    store = StateStore(state, log, b"rules")
    store.save(0, Snapshot(7, b"the digest of record 6"))
    store.close()
    with pytest.raises(LogDamaged, match="ends at offset 0"):
        async with run_handler(log, state):
            pass


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


def has_snapshot(state: Path) -> bool:
    """Return whether the running process has saved a snapshot in the store."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as reader:
        return bool(reader.execute("SELECT 1 FROM positions WHERE position > 0").fetchall())


async def fold_state(log: EmbeddedLog, file: Path, requests: list[str]) -> list[object]:
    """Return the orders and receipts of a fold that begins with the file."""
    store = StateStore(file, log, b"rules")
    fold = Fold(log, 0, store)
    await fold.catch_up()
    receipts = [fold.receipt(request.split("-", 1)[1], request) for request in requests]
    assert None not in receipts
    orders = [fold.aggregate(order) for order in ORDERS]
    store.close()
    return [*orders, *receipts]


@pytest.mark.sampled
async def test_killed_server_resumes_to_state_of_a_fresh_fold(tmp_path: Path, state: Path) -> None:
    acknowledged: list[str] = []
    start_positions: list[int] = []
    lives: list[Callable[[int], bool]] = [partial(le, random.Random(kill).randrange(1, 600)) for kill in range(KILLS)]
    lives.append(lambda _: has_snapshot(state))
    for kill, may_kill in enumerate(lives):
        acknowledged += run_until_killed(tmp_path, may_kill)
        log = EmbeddedLog.open(tmp_path)
        start_positions.append(read_position(log, state))
        fresh = await fold_state(log, tmp_path / f"fresh-{kill}.sqlite", acknowledged)
        assert await fold_state(log, state, acknowledged) == fresh
        await log.close()
    assert start_positions[-1] > 0


async def test_commands_succeed_again_once_state_store_is_readable(tmp_path: Path, state: Path) -> None:
    async with run_handler(EmbeddedLog.create(tmp_path), state) as handler:
        [first] = await handle(handler, [build_place_order()])
    async with run_handler(EmbeddedLog.open(tmp_path), state) as handler:
        handler._store._reader.set_progress_handler(lambda: 1, 1)  # every query fails (SQLITE_INTERRUPT)
        [refused] = await handle(handler, [build_place_order()])
        assert require_refusal_reason(refused) == "UNAVAILABLE"
        handler._store._reader.set_progress_handler(None, 1)
        [replay] = await handle(handler, [build_place_order()])
    assert require_accepted(replay).fact == require_accepted(first).fact
