"""`ordertrail import-json --from-topic`: what older producers wrote to a topic of their own."""

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
from tests.cli.command_line import CommandLine, serving, stop
from tests.kafka.cluster import Cluster

from ordertrail_server.cli.document_line import LONGEST


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    data: Path = tmp_path_factory.mktemp("imported") / "data"
    with serving(data) as address:
        yield CommandLine(address)


class OldProducers:
    """A topic of two partitions, with the settings of any topic."""

    def __init__(self, cluster: Cluster, line: CommandLine) -> None:
        self.name, self.line = f"old-{uuid4().hex}", line
        self.where = ("--from-topic", self.name, "--bootstrap", cluster.bootstrap)
        admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
        admin.create_topics([NewTopic(self.name, 2, 1)])[self.name].result()
        self._producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})

    def say(self, partition: int, *values: bytes | None) -> None:
        for value in values:
            self._producer.produce(self.name, value, b"key", partition)
        assert self._producer.flush(10.0) == 0

    def run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return self.line.run("import-json", *self.where, *args)

    def imported(self, *args: str) -> list[Any]:
        return self.line.lines("import-json", *self.where, *args)


@pytest.fixture
def old(cluster: Cluster, orders: CommandLine) -> OldProducers:
    return OldProducers(cluster, orders)


def flat(reference: int, company: str) -> bytes:
    return json.dumps({"id": reference, "company": company, "productId": "p_1", "quantity": 2}).encode()


def counts(taken: int, there: int, refused: int = 0, skipped: int = 0) -> dict[str, int]:
    return {"takenIn": taken, "alreadyThere": there, "refused": refused, "skipped": skipped}


def test_every_partition_is_read_from_its_beginning_and_again_adds_nothing(old: OldProducers) -> None:
    old.say(0, *(flat(number, "old-1") for number in range(700)))
    old.say(1, *(flat(number, "old-1") for number in range(5)))
    assert old.imported() == [counts(705, 0), {"goOnFrom": ["0:700", "1:5"]}]
    assert old.imported() == [counts(0, 705), {"goOnFrom": ["0:700", "1:5"]}]
    found = old.line.lines("orders", "--customer", "old-1", "--all")
    assert len(found) == 705
    [event] = old.line.lines("history", found[0]["orderId"])
    topic, partition, offset = event["cause"]["origin"].removeprefix("topic:").split(":")
    assert (topic, partition) in [(old.name, "0"), (old.name, "1")]
    assert offset.isdigit()


def test_what_comes_later_may_be_read_alone(old: OldProducers) -> None:
    old.say(0, flat(1, "old-2"), flat(2, "old-2"))
    old.imported()
    old.say(0, flat(3, "old-2"))
    old.say(1, flat(4, "old-2"))
    [told, _] = old.imported("--from-offset", "0:2", "--from-offset", "1:0")
    assert told == counts(2, 0)


def test_what_is_no_order_is_told_by_its_place_and_the_rest_goes_in(old: OldProducers) -> None:
    old.say(1, b"no JSON", None, b"", b"x" * (LONGEST + 1), flat(1, "old-3"))
    ended = old.run()
    *told, numbers, go_on = ended.stdout.splitlines()
    by_place = dict(line.split(": ", 1) for line in told)
    assert by_place["1:0"].startswith("The document is not JSON from character 0 on. [UNREADABLE_DOCUMENT]")
    assert by_place["1:1"] == "The message has no value (a tombstone of the key 'key'), so it is skipped."
    assert by_place["1:2"] == "The message has an empty value (key 'key'), so it is skipped."
    assert by_place["1:3"] == "The message has 65,537 bytes, but a document has at most 65,536."
    assert numbers == "1 imported, 0 already imported, 2 refused, 2 skipped"
    assert go_on == "To continue from here: --from-offset 1:5"
    assert ended.returncode == 1


def test_skipped_messages_alone_are_no_failure(old: OldProducers) -> None:
    old.say(0, None)
    tombstone, told = old.imported()
    assert (tombstone["partition"], tombstone["offset"], tombstone["reason"]) == (0, 0, "TOMBSTONE")
    assert told == counts(0, 0, skipped=1)


def test_following_goes_on_until_ctrl_c_and_then_tells_the_counts(old: OldProducers) -> None:
    old.say(0, b"no JSON")
    running = old.line.start("import-json", *old.where, "--follow")
    try:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("0:0: ")
        old.say(1, flat(1, "old-4"), b"no JSON either")
        assert running.stdout.readline().startswith("1:1: ")
        running.send_signal(signal.SIGINT)
        numbers, go_on = running.stdout
        assert running.wait(20) == 130
    finally:
        stop(running)
    assert numbers == "1 imported, 0 already imported, 2 refused, 0 skipped\n"
    assert go_on == "To continue from here: --from-offset 0:1 --from-offset 1:2\n"


def test_a_lost_beginning_is_told(old: OldProducers, cluster: Cluster) -> None:
    old.say(0, flat(1, "old-5"), flat(2, "old-5"))
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap})
    [removal] = admin.delete_records([TopicPartition(old.name, 0, 1)]).values()
    removal.result()
    ended = old.run()
    assert ended.stderr == "Partition 0 begins at offset 1, because Kafka has removed earlier messages.\n"
    assert ended.stdout.splitlines()[0] == "1 imported, 0 already imported, 0 refused, 0 skipped"


@pytest.mark.parametrize(
    ("args", "why"),
    [(["--from-offset", "7:0"], "has no partition 7"), (["--from-offset", "0:9"], "ends at offset 0, before")],
)
def test_a_place_that_is_not_there_is_refused(old: OldProducers, args: list[str], why: str) -> None:
    ended = old.run(*args)
    assert (ended.returncode, ended.stdout, why in ended.stderr) == (2, "", True)


def test_a_topic_that_is_not_there_is_refused(old: OldProducers) -> None:
    ended = old.line.run("import-json", "--from-topic", "nosuch", *old.where[2:])
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: The topic nosuch cannot be read: ")
