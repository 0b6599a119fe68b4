"""`ordertrail log copy` against a real broker."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.kafka.cluster import Cluster
from tests.kafka.topic_content import new_topic, read_all, write
from tests.projections.story import CONFIRMED, PLACED, Story, many_orders, write_log

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import BARRIER, Entry, Logged
from ordertrail_server.orders.chain import digest

SOON = 180.0
MOMENT = 0.01
NOBODY = CommandLine("127.0.0.1:1")


class Copier:
    """Copies between one topic and data directories."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.where = ("--bootstrap", cluster.bootstrap, "--topic", topic)

    def run(self, data: Path, to: str, *args: str) -> "subprocess.CompletedProcess[str]":
        return NOBODY.run("log", "copy", "--data", str(data), *self.where, "--to", to, *args)

    def counts(self, data: Path, to: str) -> tuple[int, int]:
        ended = self.run(data, to, "--json")
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        return told["records"], told["alreadyThere"]


def embedded(data: Path, entries: Sequence[Entry]) -> Path:
    data.mkdir()
    write_log(data, entries)
    return data


def read_embedded(data: Path, partition: int = 0) -> list[Logged]:
    async def read() -> list[Logged]:
        log = EmbeddedLog.follow(data)
        found = await log.read(partition, 0, 100_000)
        await log.close()
        return found

    return asyncio.run(read())


async def stop_half_way(copying: "subprocess.Popen[str]", cluster: Cluster, topic: str) -> None:
    """Return with a process that was just started stopped: its first records are on the topic, and most are not.

    It runs for a moment at a time, so that no machine is fast enough to finish between two looks.
    """
    copying.send_signal(signal.SIGSTOP)
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    async with asyncio.timeout(SOON):
        while not await log.end(0):
            copying.send_signal(signal.SIGCONT)
            await asyncio.sleep(MOMENT)
            copying.send_signal(signal.SIGSTOP)
    await log.close()


def all_there_is() -> list[Entry]:
    """Return facts, and messages of every other verdict that an embedded log can hold."""
    story = Story()
    story.fact("order-1", PLACED)
    story.repeat("order-1", 1)
    story.barrier("order-1")
    story.future("order-1")
    story.broken("order-1")
    return [*story.records[0], *many_orders(500)]


def test_an_embedded_log_goes_to_a_topic_record_for_record_and_back(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    copier = Copier(cluster, topic)
    data = embedded(tmp_path / "data", all_there_is())
    assert copier.counts(data, "topic") == (1505, 0)
    assert read_all(cluster, topic) == read_embedded(data)
    assert copier.counts(tmp_path / "backup", "data") == (1505, 0)
    assert read_embedded(tmp_path / "backup") == read_embedded(data)


def test_foreign_messages_of_a_topic_are_left_out_of_a_data_directory_and_counted(
    cluster: Cluster, tmp_path: Path
) -> None:
    topic, story = new_topic(cluster, 2), Story(2)
    copier, backup = Copier(cluster, topic), tmp_path / "backup"
    for number in range(10):
        story.fact(f"order-{number}", PLACED)
        story.unreadable(f"order-{number}")
        story.misplaced(f"order-{number}")
        story.under_another_key(f"order-{number}", "other")
        story.barrier(f"order-{number}")
    write(cluster, topic, story.records)
    for there in (0, 20):
        ended = copier.run(backup, "data", "--json")
        counts = json.loads(ended.stdout)
        assert (counts["records"], counts["alreadyThere"], counts["foreignLeftOut"]) == (20, there, 30)
    own = [[record for record in records if is_own(record, story)] for records in story.records]
    copied = [[Entry(record.key, record.value) for record in read_embedded(backup, place)] for place in range(2)]
    assert copied == own
    said = copier.run(backup, "data").stdout.splitlines()
    assert said[1] == "30 foreign messages of the topic were skipped: they are not records of its orders."


def is_own(record: Entry, story: Story) -> bool:
    return record == BARRIER or story.head(record.key) == digest(record.value)


def test_a_copy_that_was_killed_is_finished_by_copying_again(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    copier = Copier(cluster, topic)
    data = embedded(tmp_path / "data", many_orders(7_000))
    copying = NOBODY.start("log", "copy", "--data", str(data), *copier.where, "--to", "topic")
    try:
        asyncio.run(stop_half_way(copying, cluster, topic))
    finally:
        copying.kill()
        copying.communicate()
    total, there = copier.counts(data, "topic")
    assert total == 21_000
    assert 0 < there < total
    assert read_all(cluster, topic) == read_embedded(data)


def test_a_backup_is_brought_up_to_date_by_copying_again_in_every_partition(cluster: Cluster, tmp_path: Path) -> None:
    topic, story = new_topic(cluster, 3), Story(3)
    copier, backup = Copier(cluster, topic), tmp_path / "backup"
    for number in range(30):
        story.fact(f"order-{number}", PLACED)
    written = [len(records) for records in story.records]
    write(cluster, topic, story.records)
    assert copier.counts(backup, "data") == (30, 0)
    for number in range(30):
        story.fact(f"order-{number}", CONFIRMED)
    write(cluster, topic, [records[begin:] for records, begin in zip(story.records, written, strict=True)])
    assert copier.counts(backup, "data") == (60, 30)
    for partition in range(3):
        assert read_embedded(backup, partition) == read_all(cluster, topic, partition)


@pytest.mark.parametrize("there", ["another log", "more than the log"])
def test_a_target_that_holds_anything_else_is_refused_and_not_touched(
    cluster: Cluster, tmp_path: Path, there: str
) -> None:
    topic, mine = new_topic(cluster), many_orders(3)
    data = embedded(tmp_path / "data", mine)
    theirs = [*mine, Entry("order-9", b"more")] if there == "more than the log" else [*mine[:4], *many_orders(2)]
    write(cluster, topic, [theirs])
    ended = Copier(cluster, topic).run(data, "topic")
    assert ended.returncode == 1
    assert "neither empty nor the beginning of a copy of this log" in ended.stderr
    assert len(read_all(cluster, topic)) == len(theirs)


def test_a_topic_of_another_count_of_partitions_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    ended = Copier(cluster, new_topic(cluster, 3)).run(embedded(tmp_path / "data", many_orders(1)), "topic")
    assert ended.returncode == 1
    assert ended.stderr == (
        "Error: The log has 1 partition, but the target has 3 partitions, so orders would be looked up in the wrong "
        "partition. Use a target with 1 partition.\n"
    )


def test_a_directory_that_is_served_or_holds_no_log_is_not_copied_from(cluster: Cluster, tmp_path: Path) -> None:
    copier = Copier(cluster, new_topic(cluster))
    assert copier.run(tmp_path, "topic").stderr.endswith("holds no log (log.sqlite).\n")
    data = embedded(tmp_path / "data", many_orders(1))

    async def while_it_is_served() -> "subprocess.CompletedProcess[str]":
        log = EmbeddedLog.open(data)
        ended = await asyncio.to_thread(copier.run, data, "topic")
        await log.close()
        return ended

    ended = asyncio.run(while_it_is_served())
    assert (ended.returncode, "already serves" in ended.stderr) == (1, True)
