"""The state log on a real broker: its contract, cuts, and servers that take over from one another."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.e2e.kafka.servers import create_empty_topic
from tests.kafka.cluster import Cluster
from tests.kafka.topics import truncate_partition
from tests.subscriptions.state_log_contract import StateLogContract
from tests.subscriptions.state_records import FIRST, claimed, created, record

from ordertrail_server.log.kafka.producer import KafkaProducer, TopicProducer
from ordertrail_server.log.kafka.state_topic import StateTopic
from ordertrail_server.new_id import create_id
from ordertrail_server.subscriptions.changes import Saved, Stopped
from ordertrail_server.subscriptions.kafka.kafka_state_log import KafkaStateLog
from ordertrail_server.subscriptions.state_log import StateDamaged, TermLost

TOPIC = "state.subscriptions"


class TestKafkaStateLog(StateLogContract):
    @pytest.fixture(autouse=True)
    async def _topic(self, cluster: Cluster) -> AsyncIterator[None]:
        settings = {"bootstrap.servers": cluster.bootstrap}
        await asyncio.to_thread(create_empty_topic, cluster, TOPIC)
        producer = KafkaProducer(settings)
        self.cluster = cluster
        self.topic = StateTopic(settings, TopicProducer(producer, TOPIC, lambda _: []))
        yield
        self.topic.close()
        await asyncio.to_thread(producer.close)

    async def open(self, cut_messages: int = 50_000) -> KafkaStateLog:
        return await KafkaStateLog.open(self.topic, create_id(), cut_messages)

    async def test_server_that_lost_its_term_confirms_nothing(self) -> None:
        former = await self.open()
        await former.append([created("a")])
        present = await self.open()
        with pytest.raises(TermLost):
            await former.append([claimed(FIRST, "a")])
        await present.append([created("b")])
        assert await present.read() == [created("a"), created("b")]

    async def test_record_larger_than_a_message_is_stored(self) -> None:
        large = record(FIRST, Stopped('"ä' * 700_000))
        await (await self.open()).append([large, claimed(FIRST)])
        assert await (await self.open()).read() == [large, claimed(FIRST)]

    async def test_topic_is_cut_once_its_oldest_records_are_replaced(self) -> None:
        log = await self.open(cut_messages=4)
        await log.append([created("a"), created("b"), claimed(FIRST, "a"), claimed(FIRST, "b")])
        snapshots = [record(FIRST, Saved(0, number), uid=uid) for number, uid in enumerate("ab")]
        for snapshot in snapshots:
            assert log.stale_uid() == snapshot.uid
            await log.replace(snapshot.uid, [snapshot])
        assert (log.stale_uid(), await log.read()) == (None, snapshots)
        assert (await self.topic.query_bounds()).first > 0
        assert await (await self.open()).read() == snapshots

    async def test_topic_whose_beginning_was_removed_by_others_is_refused(self) -> None:
        log = await self.open()
        await log.append([created("a"), created("b")])
        await asyncio.to_thread(truncate_partition, self.cluster, TOPIC, 0, 2)
        with pytest.raises(StateDamaged, match="begins at offset 2"):
            await self.open()
