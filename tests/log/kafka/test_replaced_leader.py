"""A leader that was frozen and replaced reports a stale end after it thaws, until it finds out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.commands.running_writer import RunningWriter, require_refusal_reason
from tests.commands.sample_requests import build_confirm_order, build_place_order
from tests.kafka.cluster import Cluster, run_cluster
from tests.kafka.reassignment import reassign_replicas
from tests.kafka.topics import find_leader, recreate_topic
from tests.log.contract import SOON
from tests.log.kafka.open_log import SHORT_TIMEOUT_S, open_log

from ordertrail_server.commands.attempt import Accepted, Answer
from ordertrail_server.log.kafka.topic import create_topic
from ordertrail_server.log.port import BARRIER
from ordertrail_server.log.topic_name import ORDER_EVENTS

ROUNDS = 2


async def test_refusal_appends_no_barrier_on_a_single_replica(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with open_log(cluster) as log, RunningWriter(log) as server:
        assert require_refusal_reason(await retry_until_answered(build_confirm_order(), server)) == "ORDER_NOT_FOUND"
        assert await log.end(0) == 0


@pytest.mark.usefixtures("kafka")
async def test_refusal_appends_a_barrier_after_a_replica_is_added(tmp_path: Path) -> None:
    with run_cluster(tmp_path / "kafka", 2) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=1)
        async with open_log(cluster) as log, RunningWriter(log) as server:
            assert (
                require_refusal_reason(await retry_until_answered(build_confirm_order("before"), server))
                == "ORDER_NOT_FOUND"
            )
            assert await log.end(0) == 0
            reassign_replicas(cluster, ORDER_EVENTS, 0, [1, 2])
            async with asyncio.timeout(SOON):
                while log.capabilities.current_end:  # noqa: ASYNC110 (the log checks the replicas periodically)
                    await asyncio.sleep(0.05)
            assert (
                require_refusal_reason(await retry_until_answered(build_confirm_order("after"), server))
                == "ORDER_NOT_FOUND"
            )
            assert [record[1:3] for record in await log.read(0, 0, 9)] == [BARRIER]


async def retry_until_answered(request: Any, server: RunningWriter) -> Answer:
    """Return the answer. Retry while the log is unavailable or does not answer, as a client does."""
    async with asyncio.timeout(3 * SOON):
        while True:
            try:
                [answer] = await server.handle(request)
            except TimeoutError:  # on a busy machine the brokers elect a leader later than one call waits
                continue
            if isinstance(answer, Accepted) or require_refusal_reason(answer) != "UNAVAILABLE":
                return answer


@pytest.mark.usefixtures("kafka")
@pytest.mark.trial
async def test_server_never_refuses_because_of_a_replaced_leader(tmp_path: Path) -> None:
    with run_cluster(tmp_path / "kafka", 3) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=3)
        async with (
            open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as log,
            open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as second_log,
            RunningWriter(log) as first,
            RunningWriter(second_log) as second,
        ):
            for order in (f"order-{number}" for number in range(ROUNDS)):
                assert (
                    require_refusal_reason(
                        await retry_until_answered(build_confirm_order(f"before {order}", order), first)
                    )
                    == "ORDER_NOT_FOUND"
                )
                leader = find_leader(cluster, ORDER_EVENTS)
                leader.freeze()
                try:
                    assert isinstance(
                        await retry_until_answered(build_place_order(f"place {order}", order), second), Accepted
                    )
                finally:
                    leader.thaw()
                assert isinstance(
                    await retry_until_answered(build_confirm_order(f"after {order}", order), first), Accepted
                )
