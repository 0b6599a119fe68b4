"""Topics with records of a test, each with a new name."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

from tests.kafka.cluster import Cluster

from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import create_topic
from ordertrail_server.log.port import Entry, Logged


def new_topic(cluster: Cluster, partitions: int = 1) -> str:
    """Create an empty topic that can be a log, and return its name."""
    name = f"log-{uuid4().hex}"
    create_topic({"bootstrap.servers": cluster.bootstrap}, name, partitions=partitions, replicas=1)
    return name


def write(cluster: Cluster, topic: str, records: Sequence[Sequence[Entry]]) -> None:
    """Append the records of each partition."""

    async def append() -> None:
        log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
        for partition, entries in enumerate(records):
            await log.append(partition, entries)
        await log.close()

    asyncio.run(append())


def read_all(cluster: Cluster, topic: str, partition: int = 0) -> list[Logged]:
    """Return all records of a partition."""

    async def read() -> list[Logged]:
        log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
        records: list[Logged] = []
        while batch := await log.read(partition, len(records), 10_000):
            records += batch
        await log.close()
        return records

    return asyncio.run(read())
