"""After an answer that a cluster has no brokers, many clients of librdkafka find none any more, and are replaced."""

import asyncio
from contextlib import suppress

import pytest
from tests.kafka.client_relay import ClientRelay, relay_clients
from tests.kafka.cluster import Cluster
from tests.kafka.topics import recreate_topic
from tests.log.contract import SOON, build_entries
from tests.log.kafka.open_log import SHORT_TIMEOUT_S, retry
from tests.ports import find_free_port
from tests.trials import choose_size

from ordertrail_server.log.kafka.group_membership import GroupMembership
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.producer import KafkaProducer, Message
from ordertrail_server.log.kafka.settings import Settings
from ordertrail_server.log.port import AppendUncertain, LogUnavailable
from ordertrail_server.log.topic_name import ORDER_EVENTS

QUERIES = choose_size(3, 4, 30)
SILENT_S = 2.0


@pytest.mark.trial
async def test_log_works_again_after_its_clients_have_forgotten_the_brokers(cluster: Cluster) -> None:
    recreate_topic(cluster)
    async with relay_clients(cluster.bootstrap, ORDER_EVENTS) as relay:
        settings: Settings = {"bootstrap.servers": relay.bootstrap, "message.timeout.ms": 1_000}
        log = await KafkaLog.open(settings, timeout_s=SHORT_TIMEOUT_S)
        other_log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap})
        await _query_without_brokers(relay, log)
        [offset] = await retry(lambda: log.append(0, build_entries(1)), LogUnavailable, AppendUncertain)
        assert await retry(lambda: log.end(0), LogUnavailable) > offset
        wait_task = asyncio.ensure_future(retry(lambda: log.wait(0, offset + 1), LogUnavailable))
        await other_log.append(0, build_entries(2, 1))
        await asyncio.wait_for(wait_task, SOON)
        assert await retry(lambda: log.read(0, 0, offset + 1), LogUnavailable)
        await log.close()
        await other_log.close()


async def _query_without_brokers(relay: ClientRelay, log: KafkaLog) -> None:
    relay.hides_brokers = True
    for _ in range(QUERIES):
        relay.cut()
        with suppress(LogUnavailable):
            await log.end(0)
        with suppress(LogUnavailable, AppendUncertain):
            await log.append(0, build_entries(1))
    assert relay.hidden_count > QUERIES
    relay.hides_brokers = False


@pytest.mark.trial
async def test_member_of_a_group_works_again_after_it_has_forgotten_the_brokers(cluster: Cluster) -> None:
    recreate_topic(cluster)
    assigned, revoked = asyncio.Event(), asyncio.Event()

    async def revoke() -> None:
        revoked.set()

    async with relay_clients(cluster.bootstrap, ORDER_EVENTS) as relay:
        settings: Settings = {"bootstrap.servers": relay.bootstrap, "session.timeout.ms": 6_000}
        member = GroupMembership(settings, ORDER_EVENTS, "member", assigned.set, revoke, lambda: None)
        await asyncio.wait_for(assigned.wait(), SOON)
        assigned.clear()
        await _cut_until_silent(relay)
        await asyncio.wait_for(revoked.wait(), SOON)
        await asyncio.wait_for(assigned.wait(), SOON)
        await member.leave()


async def _cut_until_silent(relay: ClientRelay) -> None:
    """Cut all connections again and again until the client asks for the brokers no more."""
    relay.hides_brokers = True
    with suppress(TimeoutError):
        while True:
            relay.cut()
            async with asyncio.timeout(SILENT_S):
                await _wait_for_question(relay)
    relay.hides_brokers = False


async def _wait_for_question(relay: ClientRelay) -> None:
    hidden_count = relay.hidden_count
    while relay.hidden_count == hidden_count:  # noqa: ASYNC110 (the client asks meanwhile)
        await asyncio.sleep(0.01)


async def test_producer_that_finds_no_broker_is_replaced(cluster: Cluster) -> None:
    recreate_topic(cluster)
    producer = KafkaProducer({"bootstrap.servers": f"127.0.0.1:{find_free_port()}"})
    producer._settings["bootstrap.servers"] = cluster.bootstrap  # of the next client
    message: Message = (b"order-1", b"value", [])
    with pytest.raises(LogUnavailable, match="no broker answers"):
        await producer.append(ORDER_EVENTS, 0, [message])
    assert await retry(lambda: producer.append(ORDER_EVENTS, 0, [message]), LogUnavailable) == [0]
    await asyncio.to_thread(producer.close)
