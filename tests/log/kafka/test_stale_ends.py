"""Stale ends: a replaced leader, or a new one, may for a moment report a lower end than the log has seen."""

import asyncio
from pathlib import Path

import pytest
from tests.commands.simulation.order_stores import MemoryStore
from tests.kafka.cluster import Cluster
from tests.kafka.topics import recreate_topic
from tests.log.contract import build_entries, build_logged_records
from tests.log.kafka.open_log import open_log, retry

from ordertrail_server.commands.fold import Fold
from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import LogDamaged, LogUnavailable
from ordertrail_server.log.progress import Progress


def advance_known_end(log: KafkaLog, end: int) -> None:
    """Raise the known end of the log, as if a later leader had reported it."""
    log._ends.advance(0, end)


async def test_read_beyond_a_stale_end_is_unavailable_until_the_broker_has_the_record(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, open_log(cluster) as second_log:
        await second_log.append(0, build_entries(3))
        advance_known_end(log, 6)
        reading = asyncio.ensure_future(log.read(0, 5, 10))
        await _wait_for_end_query(log)
        await second_log.append(0, build_entries(3, 3))
        with pytest.raises(LogUnavailable, match="partition 0 was read from a broker that is no longer its leader"):
            await reading
        assert await retry(lambda: log.read(0, 5, 10), LogUnavailable) == build_logged_records(build_entries(6))[5:]


async def _wait_for_end_query(log: KafkaLog) -> None:
    """Return once the log queries the end, because the broker has no record at the offset."""
    query, began = log._ends._query, asyncio.Event()

    async def query_and_report(partition: int, known_end: int) -> int:
        began.set()
        return await query(partition, known_end)

    log._ends._query = query_and_report  # type: ignore[method-assign]  # the log ends with the test
    await asyncio.wait_for(began.wait(), 10)


async def test_wait_beyond_a_stale_end_continues_until_a_record_arrives(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, open_log(cluster) as second_log:
        await second_log.append(0, build_entries(3))
        advance_known_end(log, 6)
        wait_task = asyncio.ensure_future(log.wait(0, 6))
        await _wait_for_end_query(log)
        await second_log.append(0, build_entries(4, 3))
        await asyncio.wait_for(wait_task, 20)


async def test_store_ahead_of_a_stale_end_waits_for_the_current_end(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, open_log(cluster) as second_log:
        await second_log.append(0, build_entries(3))
        checking = asyncio.ensure_future(check_continues(log, 0, 5, build_logged_records(build_entries(5))[4].digest))
        await _wait_for_end_query(log)
        await second_log.append(0, build_entries(2, 3))
        await asyncio.wait_for(checking, 10)


async def test_fold_on_projection_ahead_of_a_stale_end_waits_for_the_current_end(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, open_log(cluster) as second_log:
        await second_log.append(0, build_entries(3))
        store = MemoryStore()
        store.project(build_logged_records(build_entries(5)))
        fold = Fold(log, 0, store)
        catching_up = asyncio.ensure_future(fold.catch_up())
        await _wait_for_end_query(log)
        await second_log.append(0, build_entries(2, 3))
        await asyncio.wait_for(catching_up, 10)
        assert fold.position == 5


async def test_token_beyond_a_stale_end_is_accepted_once_the_log_reaches_it(cluster: Cluster, tmp_path: Path) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, open_log(cluster) as second_log:
        await second_log.append(0, build_entries(3))
        model = ReadModel(tmp_path / "missing", log.lineage, log.topic)
        freshness = Freshness(model, Progress(), log, (0,))
        check = asyncio.ensure_future(freshness.log_reaches((6,), build_deadline()))
        await _wait_for_end_query(log)
        await second_log.append(0, build_entries(3, 3))
        assert await check
        assert not await freshness.log_reaches((7,), build_deadline(4.0))
        assert await log.end(0) == 6  # the tokens did not change what the log knows
        model.close()


def build_deadline(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


@pytest.mark.trial
async def test_records_that_stay_missing_are_reported_as_lost(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log:
        await log.append(0, build_entries(3))
        advance_known_end(log, 6)
        with pytest.raises(LogDamaged, match="lost its beginning or its end"):
            await log.read(0, 5, 10)
