"""A broker that leads no more, or only just again, may for a moment have less than is known of a partition."""

import asyncio
from pathlib import Path

import pytest
from tests.kafka.cluster import Cluster
from tests.kafka.topics import renew
from tests.log.contract import entries, logged
from tests.log.kafka.open_log import open_log, retry

from ordertrail_server.history.freshness import Freshness
from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.log.continuity import check_continues
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import LogDamaged, LogUnavailable


def has_seen(log: KafkaLog, end: int) -> None:
    """Have the log know of an end, as if another broker than the present one had told it."""
    log._ends.advance(0, end)


async def test_a_read_of_what_a_broker_does_not_have_yet_fails_for_now_and_then_succeeds(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log, open_log(cluster) as other:
        await other.append(0, entries(3))
        has_seen(log, 6)
        reading = asyncio.ensure_future(log.read(0, 5, 10))
        await _asks_for_the_end(log)
        await other.append(0, entries(3, 3))
        with pytest.raises(LogUnavailable, match="partition 0 reached a broker that is no longer its leader"):
            await reading
        assert await retry(lambda: log.read(0, 5, 10), LogUnavailable) == logged(entries(6))[5:]


async def _asks_for_the_end(log: KafkaLog) -> None:
    """Return once the broker said that it has nothing there."""
    query, began = log._ends._query, asyncio.Event()

    async def query_and_report(partition: int, known_end: int) -> int:
        began.set()
        return await query(partition, known_end)

    log._ends._query = query_and_report  # type: ignore[method-assign]
    await asyncio.wait_for(began.wait(), 10)


async def test_who_waits_where_a_broker_has_nothing_yet_goes_on_waiting(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log, open_log(cluster) as other:
        await other.append(0, entries(3))
        has_seen(log, 6)
        waiting = asyncio.ensure_future(log.wait(0, 6))
        await _asks_for_the_end(log)
        await other.append(0, entries(4, 3))
        await asyncio.wait_for(waiting, 20)


async def test_a_store_that_is_ahead_of_a_broker_waits_for_what_it_knows(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log, open_log(cluster) as other:
        await other.append(0, entries(3))
        checking = asyncio.ensure_future(check_continues(log, 0, 5, logged(entries(5))[4].digest))
        await _asks_for_the_end(log)
        await other.append(0, entries(2, 3))
        await asyncio.wait_for(checking, 10)


async def test_a_token_that_a_broker_does_not_know_of_yet_is_one_of_the_log(cluster: Cluster, tmp_path: Path) -> None:
    renew(cluster)
    async with open_log(cluster) as log, open_log(cluster) as other:
        await other.append(0, entries(3))
        model = ReadModel(tmp_path / "not there", log.identity, log.topic, 1)
        freshness = Freshness(model, Progress(), log, (0,))
        asking = asyncio.ensure_future(freshness.log_reaches((6,), soon()))
        await _asks_for_the_end(log)
        await other.append(0, entries(3, 3))
        assert await asking
        assert not await freshness.log_reaches((7,), soon(4.0))
        assert await log.end(0) == 6  # whatever a token claims, the log is none the worse for it
        model.close()


def soon(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_what_stays_away_is_lost(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log:
        await log.append(0, entries(3))
        has_seen(log, 6)
        with pytest.raises(LogDamaged, match="lost its beginning or its end"):
            await log.read(0, 5, 10)
