"""The log of submitted commands on a real broker: its contract, and a topic that is missing, unsafe or replaced."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.e2e.kafka.servers import create_empty_topic
from tests.kafka.cluster import Cluster
from tests.kafka.topics import delete_topic
from tests.log.contract import SOON, Durability, LogContract, build_entries, build_logged_records
from tests.log.kafka.open_log import retry

from ordertrail_server.log.kafka import topic_search
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.kafka.topic import TopicRefused
from ordertrail_server.log.kafka.topic_log import TopicLog
from ordertrail_server.log.port import LogDamaged, LogUnavailable

PARTITIONS = 3
# Not the default names, because other tests start servers beside those.
EVENTS, COMMANDS = "submitted.events", "submitted.commands"


@pytest.fixture(scope="module")
def events(cluster: Cluster) -> str:
    """A topic of events, which no test of this file changes."""
    return create_empty_topic(cluster, EVENTS, PARTITIONS)


@pytest.fixture
def commands_topic(cluster: Cluster, events: str) -> str:
    """A new topic of submitted commands beside that of the events."""
    return create_empty_topic(cluster, COMMANDS, PARTITIONS)


@pytest.fixture
def fast_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_search, "SEARCH_SECONDS", 0.1)


async def open_log(cluster: Cluster) -> KafkaLog:
    return await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, EVENTS, commands_topic=COMMANDS)


def commands_of(log: KafkaLog) -> TopicLog:
    assert log.commands is not None
    return log.commands


async def wait_for_commands(log: KafkaLog) -> TopicLog:
    async with asyncio.timeout(SOON):
        while log.commands is None:  # noqa: ASYNC110 (the log searches meanwhile)
            await asyncio.sleep(0.01)
    return log.commands


@pytest.fixture
async def log_of_events(cluster: Cluster, commands_topic: str) -> AsyncIterator[KafkaLog]:
    log = await open_log(cluster)
    yield log
    await log.close()


class TestCommandsLog(LogContract, Durability):
    topic = COMMANDS

    @pytest.fixture
    def log(self, log_of_events: KafkaLog) -> TopicLog:
        return commands_of(log_of_events)

    @pytest.fixture
    async def reopen(
        self, log_of_events: KafkaLog, cluster: Cluster
    ) -> AsyncIterator[Callable[[], Awaitable[TopicLog]]]:
        logs = [log_of_events]

        async def reopen() -> TopicLog:
            await logs[-1].close()
            logs.append(await open_log(cluster))
            return commands_of(logs[-1])

        yield reopen
        await logs[-1].close()


async def test_events_and_commands_are_two_logs_with_one_number_of_partitions(log_of_events: KafkaLog) -> None:
    commands = commands_of(log_of_events)
    assert commands.identity != log_of_events.identity
    assert commands.partitions == log_of_events.partitions
    begin = await log_of_events.end(1)
    await asyncio.gather(commands.append(1, build_entries(3, 0, 1)), log_of_events.append(1, build_entries(1, 7, 1)))
    assert await commands.read(1, 0, 10) == build_logged_records(build_entries(3, 0, 1))
    assert await log_of_events.read(1, begin, 10) == build_logged_records(build_entries(1, 7, 1), begin)


async def test_closed_log_has_closed_its_commands(log_of_events: KafkaLog) -> None:
    await log_of_events.close()
    with pytest.raises(LogUnavailable, match="closed"):
        await commands_of(log_of_events).append(0, build_entries(1))
    await log_of_events.close()


@pytest.mark.usefixtures("fast_search", "events")
async def test_log_without_commands_finds_their_topic_once_it_is_safe(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, KafkaLog.__module__)  # commands that ran here have raised it
    delete_topic(cluster, COMMANDS)
    log = await open_log(cluster)
    assert log.commands is None
    assert f"The cluster has no topic {COMMANDS}" in caplog.text
    await log.append(0, build_entries(1))
    await asyncio.to_thread(create_empty_topic, cluster, COMMANDS, PARTITIONS + 1)
    await wait_for_text(caplog, f"Submitted commands are not stored: The number of partitions of the topic {COMMANDS}")
    assert log.commands is None
    await asyncio.to_thread(create_empty_topic, cluster, COMMANDS, PARTITIONS)
    commands = await wait_for_commands(log)
    assert await commands.append(0, build_entries(2)) == [0, 1]
    await log.close()


async def wait_for_text(caplog: pytest.LogCaptureFixture, text: str) -> None:
    async with asyncio.timeout(SOON):
        while text not in caplog.text:  # noqa: ASYNC110 (the log searches meanwhile)
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("events")
async def test_commands_with_another_partition_count_are_refused_at_the_start(cluster: Cluster) -> None:
    create_empty_topic(cluster, COMMANDS, PARTITIONS - 1)
    with pytest.raises(TopicRefused, match=f"partitions of the topic {COMMANDS} is 2, and that of {EVENTS} is 3"):
        await open_log(cluster)


async def test_log_is_lost_if_the_topic_of_its_commands_is_created_again(
    cluster: Cluster, log_of_events: KafkaLog
) -> None:
    await asyncio.to_thread(create_empty_topic, cluster, COMMANDS, PARTITIONS)
    with pytest.raises(LogDamaged, match=rf"the topic {COMMANDS} was deleted( and created again)?"):
        await asyncio.wait_for(log_of_events.raise_on_loss(), SOON)
    with pytest.raises(LogDamaged, match="was deleted"):
        await retry(lambda: commands_of(log_of_events).append(0, build_entries(1)), LogUnavailable)


@pytest.mark.usefixtures("commands_topic")
async def test_log_opened_without_a_name_of_commands_has_none(cluster: Cluster) -> None:
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, EVENTS)
    assert log.commands is None
    await log.close()
