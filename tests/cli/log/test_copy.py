"""`ordertrail log copy` against a real broker."""

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.cli.command_line import CommandLine
from tests.e2e.kafka.servers import create_empty_topic
from tests.e2e.running_server import read_start_refusal
from tests.kafka.cluster import Cluster
from tests.kafka.topic_content import new_topic, read_all, write
from tests.log.contract import build_entries, build_logged_records
from tests.log.embedded.format_1 import create_format_1, read_format
from tests.log.embedded.processes import read_acknowledged_offset, run_appender
from tests.process_freeze import freeze_process
from tests.projections.log_builder import CONFIRMED, PLACED, LogBuilder, build_many_orders, write_log

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.log import KafkaLog
from ordertrail_server.log.port import BARRIER, Entry, Logged
from ordertrail_server.orders.chain import digest
from ordertrail_server.storage.connection import connect_reader

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
        result = self.run(data, to, "--json")
        assert result.returncode == 0, result.stderr
        report = json.loads(result.stdout)
        return report["records"], report["alreadyThere"]


def create_embedded_log(data: Path, entries: Sequence[Entry]) -> Path:
    data.mkdir()
    write_log(data, entries)
    return data


def read_embedded(data: Path, partition: int = 0) -> list[Logged]:
    async def read() -> list[Logged]:
        log = EmbeddedLog.follow(data)
        records = await log.read(partition, 0, 100_000)
        await log.close()
        return records

    return asyncio.run(read())


async def freeze_during_copy(copying: "subprocess.Popen[str]", cluster: Cluster, topic: str) -> None:
    """Return with a process that was just started stopped: its first records are on the topic, and most are not.

    It runs for a moment at a time, so that no machine is fast enough to finish between two looks.
    """
    freeze_process(copying.pid)
    log = await KafkaLog.open({"bootstrap.servers": cluster.bootstrap}, topic)
    async with asyncio.timeout(SOON):
        while not await log.end(0):
            copying.send_signal(signal.SIGCONT)
            await asyncio.sleep(MOMENT)
            freeze_process(copying.pid)
    await log.close()


def records_of_every_verdict() -> list[Entry]:
    """Return facts, and messages of every other verdict that an embedded log can hold."""
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_repetition("order-1", 1)
    builder.add_barrier("order-1")
    builder.add_future_event("order-1")
    builder.add_broken_record("order-1")
    return [*builder.records[0], *build_many_orders(500)]


def test_embedded_log_is_copied_to_a_topic_and_back_unchanged(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    copier = Copier(cluster, topic)
    data = create_embedded_log(tmp_path / "data", records_of_every_verdict())
    assert copier.counts(data, "topic") == (1505, 0)
    assert read_all(cluster, topic) == read_embedded(data)
    assert copier.counts(tmp_path / "backup", "data") == (1505, 0)
    assert read_embedded(tmp_path / "backup") == read_embedded(data)


def test_log_of_format_1_is_copied_and_stays_as_it_is(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    data = create_format_1(tmp_path / "data", [build_many_orders(3)])
    before = (data / "log.sqlite").read_bytes()
    assert Copier(cluster, topic).counts(data, "topic") == (9, 0)
    assert read_all(cluster, topic) == read_embedded(data)
    assert (data / "log.sqlite").read_bytes() == before
    assert read_format(data) == 1


def test_backup_of_format_1_is_migrated_and_completed(cluster: Cluster, tmp_path: Path) -> None:
    topic, entries = new_topic(cluster), build_many_orders(3)
    write(cluster, topic, [entries])
    backup = create_format_1(tmp_path / "backup", [entries[:4]])
    assert Copier(cluster, topic).counts(backup, "data") == (9, 4)
    assert read_embedded(backup) == read_all(cluster, topic)
    assert read_format(backup) == 2


def test_log_of_a_killed_server_is_copied_while_it_is_backed_up(cluster: Cluster, tmp_path: Path) -> None:
    topic, data = new_topic(cluster), tmp_path / "data"
    with run_appender(data, batches=20) as process:
        read_acknowledged_offset(process, 210)
        process.kill()
        process.wait()
    with closing(connect_reader(data / "log.sqlite")) as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT count(*) FROM records").fetchone()
        assert Copier(cluster, topic).counts(data, "topic") == (210, 0)
    assert read_all(cluster, topic) == build_logged_records(build_entries(210))


def test_foreign_messages_are_skipped_and_counted(cluster: Cluster, tmp_path: Path) -> None:
    topic, builder = new_topic(cluster, 2), LogBuilder(2)
    copier, backup = Copier(cluster, topic), tmp_path / "backup"
    for number in range(10):
        builder.add_fact(f"order-{number}", PLACED)
        builder.add_unreadable_record(f"order-{number}")
        builder.add_misplaced_record(f"order-{number}")
        builder.add_record_under_key(f"order-{number}", "other")
        builder.add_barrier(f"order-{number}")
    write(cluster, topic, builder.records)
    for already_there in (0, 20):
        result = copier.run(backup, "data", "--json")
        counts = json.loads(result.stdout)
        assert (counts["records"], counts["alreadyThere"], counts["foreignLeftOut"]) == (20, already_there, 30)
    own = [[record for record in records if is_own_record(record, builder)] for records in builder.records]
    copied_records = [
        [Entry(record.key, record.value) for record in read_embedded(backup, partition)] for partition in range(2)
    ]
    assert copied_records == own
    lines = copier.run(backup, "data").stdout.splitlines()
    assert lines[1] == "30 foreign messages of the topic were skipped: they are not records of its orders."


def is_own_record(record: Entry, builder: LogBuilder) -> bool:
    return record == BARRIER or builder.head(record.key) == digest(record.value)


@contextmanager
def frozen_copy(cluster: Cluster, topic: str, data: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start to copy the directory to the topic, stop the process half-way, and kill it at the end."""
    copier = Copier(cluster, topic)
    copying = NOBODY.start("log", "copy", "--data", str(data), *copier.where, "--to", "topic")
    try:
        asyncio.run(freeze_during_copy(copying, cluster, topic))
        yield copying
    finally:
        copying.kill()
        copying.communicate()


def test_killed_copy_is_completed_by_copying_again(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    data = create_embedded_log(tmp_path / "data", build_many_orders(7_000))
    with frozen_copy(cluster, topic, data):
        pass
    total, already_there = Copier(cluster, topic).counts(data, "topic")
    assert total == 21_000
    assert 0 < already_there < total
    assert read_all(cluster, topic) == read_embedded(data)


def test_directory_that_is_copied_cannot_be_served(cluster: Cluster, tmp_path: Path) -> None:
    data = create_embedded_log(tmp_path / "data", build_many_orders(7_000))
    with frozen_copy(cluster, new_topic(cluster), data) as copying:
        refusal = read_start_refusal(data)
    assert f"Another process (pid {copying.pid}) already serves {data}" in refusal


def test_copying_again_updates_every_partition_of_a_backup(cluster: Cluster, tmp_path: Path) -> None:
    topic, builder = new_topic(cluster, 3), LogBuilder(3)
    copier, backup = Copier(cluster, topic), tmp_path / "backup"
    for number in range(30):
        builder.add_fact(f"order-{number}", PLACED)
    lengths = [len(records) for records in builder.records]
    write(cluster, topic, builder.records)
    assert copier.counts(backup, "data") == (30, 0)
    for number in range(30):
        builder.add_fact(f"order-{number}", CONFIRMED)
    write(cluster, topic, [records[begin:] for records, begin in zip(builder.records, lengths, strict=True)])
    assert copier.counts(backup, "data") == (60, 30)
    for partition in range(3):
        assert read_embedded(backup, partition) == read_all(cluster, topic, partition)


@pytest.mark.parametrize("already_there", ["another log", "more than the log"])
def test_target_with_other_records_is_refused_and_not_changed(
    cluster: Cluster, tmp_path: Path, already_there: str
) -> None:
    topic, source_entries = new_topic(cluster), build_many_orders(3)
    data = create_embedded_log(tmp_path / "data", source_entries)
    longer, different = [*source_entries, Entry("order-9", b"more")], [*source_entries[:4], *build_many_orders(2)]
    target_entries = longer if already_there == "more than the log" else different
    write(cluster, topic, [target_entries])
    result = Copier(cluster, topic).run(data, "topic")
    assert result.returncode == 1
    assert "neither empty nor the beginning of a copy of this log" in result.stderr
    assert len(read_all(cluster, topic)) == len(target_entries)


def test_topic_with_another_number_of_partitions_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    result = Copier(cluster, new_topic(cluster, 3)).run(
        create_embedded_log(tmp_path / "data", build_many_orders(1)), "topic"
    )
    assert result.returncode == 1
    assert result.stderr == (
        "Error: The log has 1 partition, but the target has 3 partitions, so orders would be looked up in the wrong "
        "partition. Use a target with 1 partition.\n"
    )


def test_served_directory_or_one_without_a_log_is_not_copied(cluster: Cluster, tmp_path: Path) -> None:
    copier = Copier(cluster, new_topic(cluster))
    assert copier.run(tmp_path, "topic").stderr.endswith("holds no log (log.sqlite).\n")
    data = create_embedded_log(tmp_path / "data", build_many_orders(1))

    async def while_it_is_served() -> "subprocess.CompletedProcess[str]":
        log = EmbeddedLog.open(data)
        result = await asyncio.to_thread(copier.run, data, "topic")
        await log.close()
        return result

    result = asyncio.run(while_it_is_served())
    assert (result.returncode, "already serves" in result.stderr) == (1, True)


def store_commands(data: Path, entries: Sequence[Entry]) -> None:
    async def store() -> None:
        log = EmbeddedLog.open(data)
        assert log.commands is not None
        await log.commands.append(0, entries)
        await log.close()

    asyncio.run(store())


def read_commands(data: Path) -> list[Logged]:
    async def read() -> list[Logged]:
        log = EmbeddedLog.follow(data)
        assert log.commands is not None
        commands = await log.commands.read(0, 0, 1000)
        await log.close()
        return commands

    return asyncio.run(read())


def test_submitted_commands_are_copied_to_a_topic_and_back(cluster: Cluster, tmp_path: Path) -> None:
    topic = new_topic(cluster)
    copier = Copier(cluster, topic)
    data = create_embedded_log(tmp_path / "data", build_many_orders(3))
    store_commands(data, build_entries(30))
    refusal = copier.run(data, "topic")
    assert refusal.returncode == 1
    assert "the topic for them does not exist. Create it" in refusal.stderr
    create_empty_topic(cluster, f"{topic}.commands")
    assert copier.counts(data, "topic") == (9, 9)
    assert read_all(cluster, f"{topic}.commands") == read_commands(data)
    report = json.loads(copier.run(tmp_path / "backup", "data", "--json").stdout)
    assert (report["commands"], report["commandsAlreadyThere"]) == (30, 0)
    assert read_commands(tmp_path / "backup") == read_commands(data)
