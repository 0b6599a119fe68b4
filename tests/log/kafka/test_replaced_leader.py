"""A broker that was replaced as leader while it stood still, and does not know it yet, tells of an end that is none."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.commands.spec import RunningWriter, confirm, place, reason
from tests.kafka.cluster import Cluster, running
from tests.kafka.reassignment import reassign
from tests.kafka.topics import leader_node, renew
from tests.log.contract import SOON
from tests.log.kafka.open_log import SHORT_TIMEOUT_S, open_log

from ordertrail_server.commands.attempt import Accepted, Answer
from ordertrail_server.log.kafka.topic import ORDER_EVENTS, create_topic
from ordertrail_server.log.port import BARRIER

ROUNDS = 2


async def test_where_no_other_broker_can_lead_what_is_denied_leaves_nothing_on_the_log(cluster: Cluster) -> None:
    renew(cluster)
    async with open_log(cluster) as log, RunningWriter(log) as server:
        assert reason(await answer_to(confirm(), server)) == "ORDER_NOT_FOUND"
        assert await log.end(0) == 0


@pytest.mark.usefixtures("kafka")
async def test_where_another_broker_can_lead_from_now_on_it_rests_on_an_append(tmp_path: Path) -> None:
    with running(tmp_path / "kafka", 2) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=1)
        async with open_log(cluster) as log, RunningWriter(log) as server:
            assert reason(await answer_to(confirm("before"), server)) == "ORDER_NOT_FOUND"
            assert await log.end(0) == 0
            reassign(cluster, ORDER_EVENTS, 0, [1, 2])
            async with asyncio.timeout(SOON):
                while log.capabilities.current_end:  # noqa: ASYNC110 (it looks by itself now and then)
                    await asyncio.sleep(0.05)
            assert reason(await answer_to(confirm("after"), server)) == "ORDER_NOT_FOUND"
            assert [record[1:3] for record in await log.read(0, 0, 9)] == [BARRIER]


async def answer_to(request: Any, server: RunningWriter) -> Answer:
    """Return the answer once the brokers have come to one."""
    async with asyncio.timeout(3 * SOON):
        while True:
            [answer] = await server.handle(request)
            if isinstance(answer, Accepted) or reason(answer) != "UNAVAILABLE":
                return answer


@pytest.mark.usefixtures("kafka")
async def test_it_has_no_server_deny_what_another_server_acknowledged(tmp_path: Path) -> None:
    with running(tmp_path / "kafka", 3) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, ORDER_EVENTS, partitions=1, replicas=3)
        async with (
            open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as log,
            open_log(cluster, SHORT_TIMEOUT_S, message_timeout_ms=1_000) as another,
            RunningWriter(log) as here,
            RunningWriter(another) as elsewhere,
        ):
            for order in (f"order-{number}" for number in range(ROUNDS)):
                assert reason(await answer_to(confirm(f"before {order}", order), here)) == "ORDER_NOT_FOUND"
                leader = leader_node(cluster, ORDER_EVENTS)
                leader.freeze()
                try:
                    assert isinstance(await answer_to(place(f"place {order}", order), elsewhere), Accepted)
                finally:
                    leader.thaw()
                assert isinstance(await answer_to(confirm(f"after {order}", order), here), Accepted)
