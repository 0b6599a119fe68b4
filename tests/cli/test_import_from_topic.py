"""`ordertrail import-json --from-topic`: messages of older producers in their own topic."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package marks no exports
    AdminClient,
    NewTopic,
)
from tests.cli.command_line import CommandLine, serve_directory, stop
from tests.kafka.cluster import Cluster

from ordertrail_server.cli.document_line import MAX_DOCUMENT_BYTES


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    data: Path = tmp_path_factory.mktemp("imported") / "data"
    with serve_directory(data) as address:
        yield CommandLine(address)


class OldProducers:
    """A topic of two partitions, with the settings of any topic."""

    def __init__(self, cluster: Cluster, line: CommandLine) -> None:
        self.name, self.line = f"old-{uuid4().hex}", line
        self.source_options = ("--from-topic", self.name, "--bootstrap", cluster.bootstrap)
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        admin.create_topics([NewTopic(self.name, 2, 1)])[self.name].result()
        self._producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})

    def send(self, partition: int, *values: bytes | None) -> None:
        for value in values:
            self._producer.produce(self.name, value, b"key", partition)
        assert self._producer.flush(10.0) == 0

    def run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return self.line.run("import-json", *self.source_options, *args)

    def import_json(self, *args: str) -> list[Any]:
        return self.line.record("import-json", *self.source_options, *args)


@pytest.fixture
def old_topic(cluster: Cluster, orders: CommandLine) -> OldProducers:
    return OldProducers(cluster, orders)


def build_flat_document(reference: int, company: str) -> bytes:
    return json.dumps({"id": reference, "company": company, "productId": "p_1", "quantity": 2}).encode()


def counts(imported: int, already_imported: int, refused: int = 0, skipped: int = 0) -> dict[str, int]:
    return {"takenIn": imported, "alreadyThere": already_imported, "refused": refused, "skipped": skipped}


def test_all_partitions_are_imported_and_a_repetition_adds_nothing(old_topic: OldProducers) -> None:
    old_topic.send(0, *(build_flat_document(number, "old-1") for number in range(700)))
    old_topic.send(1, *(build_flat_document(number, "old-1") for number in range(5)))
    assert old_topic.import_json() == [counts(705, 0), {"goOnFrom": ["0:700", "1:5"]}]
    assert old_topic.import_json() == [counts(0, 705), {"goOnFrom": ["0:700", "1:5"]}]
    orders = old_topic.line.lines("orders", "--customer", "old-1", "--all")
    assert len(orders) == 705
    [event] = old_topic.line.lines("history", orders[0]["orderId"])
    topic, partition, offset = event["cause"]["origin"].removeprefix("topic:").split(":")
    assert (topic, partition) in [(old_topic.name, "0"), (old_topic.name, "1")]
    assert offset.isdigit()


def test_later_messages_can_be_imported_alone(old_topic: OldProducers) -> None:
    old_topic.send(0, build_flat_document(1, "old-2"), build_flat_document(2, "old-2"))
    old_topic.import_json()
    old_topic.send(0, build_flat_document(3, "old-2"))
    old_topic.send(1, build_flat_document(4, "old-2"))
    [report, _] = old_topic.import_json("--from-offset", "0:2", "--from-offset", "1:0")
    assert report == counts(2, 0)


def test_invalid_messages_are_reported_by_position_and_others_imported(old_topic: OldProducers) -> None:
    old_topic.send(1, b"no JSON", None, b"", b"x" * (MAX_DOCUMENT_BYTES + 1), build_flat_document(1, "old-3"))
    result = old_topic.run()
    *report, counts_line, continuation = result.stdout.splitlines()
    by_position = dict(line.split(": ", 1) for line in report)
    assert by_position["1:0"].startswith("The document is not JSON from character 0 on. [UNREADABLE_DOCUMENT]")
    assert by_position["1:1"] == "The message has no value (a tombstone of the key 'key'), so it is skipped."
    assert by_position["1:2"] == "The message has an empty value (key 'key'), so it is skipped."
    assert by_position["1:3"] == "The message has 65,537 bytes, but a document has at most 65,536."
    assert counts_line == "1 imported, 0 already imported, 2 refused, 2 skipped"
    assert continuation == "To continue from here: --from-offset 1:5"
    assert result.returncode == 1


def test_import_with_only_skipped_messages_succeeds(old_topic: OldProducers) -> None:
    old_topic.send(0, None)
    tombstone, report = old_topic.import_json()
    assert (tombstone["partition"], tombstone["offset"], tombstone["reason"]) == (0, 0, "TOMBSTONE")
    assert report == counts(0, 0, skipped=1)


def test_followed_import_prints_the_counts_after_ctrl_c(old_topic: OldProducers) -> None:
    old_topic.send(0, b"no JSON")
    running = old_topic.line.start("import-json", *old_topic.source_options, "--follow")
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("0:0: ")
        old_topic.send(1, build_flat_document(1, "old-4"), b"no JSON either")
        assert running.stdout.readline().startswith("1:1: ")
        running.send_signal(signal.SIGINT)
        counts_line, continuation = running.stdout
        assert running.wait(20) == 130
    finally:
        stop(running)
    assert counts_line == "1 imported, 0 already imported, 2 refused, 0 skipped\n"
    assert continuation == "To continue from here: --from-offset 0:1 --from-offset 1:2\n"


def test_removed_beginning_of_a_partition_is_reported(old_topic: OldProducers, cluster: Cluster) -> None:
    old_topic.send(0, build_flat_document(1, "old-5"), build_flat_document(2, "old-5"))
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    [removal] = admin.delete_records([TopicPartition(old_topic.name, 0, 1)]).values()
    removal.result()
    result = old_topic.run()
    assert result.stderr == "Partition 0 begins at offset 1, because Kafka has removed earlier messages.\n"
    assert result.stdout.splitlines()[0] == "1 imported, 0 already imported, 0 refused, 0 skipped"


@pytest.mark.parametrize(
    ("args", "why"),
    [(["--from-offset", "7:0"], "has no partition 7"), (["--from-offset", "0:9"], "ends at offset 0, before")],
)
def test_unknown_position_is_refused(old_topic: OldProducers, args: list[str], why: str) -> None:
    result = old_topic.run(*args)
    assert (result.returncode, result.stdout, why in result.stderr) == (2, "", True)


def test_unknown_topic_is_refused(old_topic: OldProducers) -> None:
    result = old_topic.line.run("import-json", "--from-topic", "nosuch", *old_topic.source_options[2:])
    assert result.returncode == 2
    assert result.stderr.startswith("Error: The topic nosuch cannot be read: ")
