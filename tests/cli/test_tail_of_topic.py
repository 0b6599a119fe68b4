"""`ordertrail tail` on a Kafka topic: one partition, all of them, or those of a group's member."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from queue import Queue
from threading import Thread
from typing import IO, Any
from uuid import uuid4

import pytest
from tests.cli.command_line import CommandLine, stop
from tests.kafka.cluster import Cluster
from tests.kafka.topic_content import new_topic, write
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder

from ordertrail_server.log.placement import partition_of

SOON = 120.0


class Tail:
    """Tails one topic."""

    def __init__(self, cluster: Cluster, topic: str) -> None:
        self.line = CommandLine("127.0.0.1:1")
        self.line.environment |= {"ORDERTRAIL_BOOTSTRAP": cluster.bootstrap, "ORDERTRAIL_TOPIC": topic}

    def run(self, *args: str) -> "subprocess.CompletedProcess[str]":
        return self.line.run("tail", *args)

    def records(self, *args: str) -> list[Any]:
        return self.line.lines("tail", *args)


class Member:
    """A process that tails as a member of a group. Its output is read line by line, with a timeout."""

    def __init__(self, tail: Tail, group: str) -> None:
        self.process = tail.line.start("tail", "--group", group, "--json")
        self.printed, _ = self._lines(self.process.stdout)
        self.notes, self._note_reader = self._lines(self.process.stderr)

    def wait_assigned(self, until: Callable[[set[int]], bool]) -> set[int]:
        """Return its partitions as soon as they fulfil a condition."""
        while True:
            names = self.notes.get(timeout=SOON).rpartition(": ")[2].split(", ")
            partitions = {int(name) for name in names if name != "none"}
            if until(partitions):
                return partitions

    def next_positions(self, count: int) -> list[tuple[int, int]]:
        """Return the positions of the next records."""
        records = [json.loads(self.printed.get(timeout=SOON)) for _ in range(count)]
        return [(record["partition"], record["offset"]) for record in records]

    def remaining_notes(self) -> list[str]:
        """Return the lines on stderr until its end."""
        self._note_reader.join(SOON)
        return [line for line in (self.notes.get() for _ in range(self.notes.qsize())) if line]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(SOON)

    @staticmethod
    def _lines(stream: IO[str] | None) -> "tuple[Queue[str], Thread]":
        assert stream is not None
        lines: Queue[str] = Queue()

        def read() -> None:
            for line in stream:
                lines.put(line.strip())

        reading = Thread(target=read, daemon=True)
        reading.start()
        return lines, reading


@pytest.fixture
def members() -> Iterator[Callable[[Tail, str], Member]]:
    with ExitStack() as stack:

        def start(tail: Tail, group: str) -> Member:
            member = Member(tail, group)
            stack.callback(stop, member.process)
            return member

        yield start


def build_log_of_every_verdict() -> LogBuilder:
    builder = LogBuilder()
    builder.add_fact("order-1", PLACED)
    builder.add_repetition("order-1", 1)
    builder.add_fact("order-1", CONFIRMED)
    builder.add_unreadable_record("order-1")
    builder.add_record_under_key("order-2", "order-1")
    builder.add_broken_record("order-1")
    builder.add_future_event("order-2")
    builder.add_barrier("order-1")
    return builder


def build_facts(count: int, partitions: int) -> LogBuilder:
    """Return two facts for each of `count` orders."""
    builder = LogBuilder(partitions)
    for event in (PLACED, PLUM_ADDED):
        for number in range(count):
            builder.add_fact(f"order-{number}", event)
    return builder


def positions(builder: LogBuilder, *partitions: int) -> set[tuple[int, int]]:
    return {(partition, offset) for partition in partitions for offset in range(len(builder.records[partition]))}


def test_each_record_is_printed_with_position_verdict_and_event(cluster: Cluster) -> None:
    topic = new_topic(cluster)
    write(cluster, topic, build_log_of_every_verdict().records)
    tail = Tail(cluster, topic)
    result = tail.run()
    assert (result.returncode, result.stderr) == (0, "")
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["0:0", "fact"],
        ["0:1", "void"],
        ["0:2", "fact"],
        ["0:3", "foreign"],
        ["0:4", "foreign"],
        ["0:5", "broken"],
        ["0:6", "fact"],
        ["0:7", "barrier"],
    ]
    first, *_, unknown, _ = result.stdout.splitlines()
    assert "order placed" in first
    assert "an event of number 99, which this release does not know" in unknown
    in_json = tail.records()
    assert [record["verdict"] for record in in_json] == [line.split()[1] for line in result.stdout.splitlines()]
    assert in_json[2]["event"]["orderConfirmed"] == {}


def test_verdicts_do_not_depend_on_the_first_printed_offset(cluster: Cluster) -> None:
    topic = new_topic(cluster)
    write(cluster, topic, build_log_of_every_verdict().records)
    tail = Tail(cluster, topic)
    everything = tail.records()
    for begin in (1, 6):
        assert tail.records("--partition", "0", "--from", str(begin)) == everything[begin:]


def test_order_of_another_partition_is_foreign(cluster: Cluster) -> None:
    topic, builder = new_topic(cluster, 3), LogBuilder(3)
    builder.add_misplaced_record("order-1")
    write(cluster, topic, builder.records)
    [record] = Tail(cluster, topic).records()
    assert (record["verdict"], record["partition"]) == ("foreign", (partition_of("order-1", 3) - 1) % 3)


def test_tail_prints_all_partitions_or_one_from_an_offset(cluster: Cluster) -> None:
    topic, builder = new_topic(cluster, 3), build_facts(30, 3)
    write(cluster, topic, builder.records)
    tail = Tail(cluster, topic)
    everything = [(record["partition"], record["offset"]) for record in tail.records()]
    assert (len(everything), set(everything)) == (60, positions(builder, 0, 1, 2))
    assert [record["offset"] for record in tail.records("--partition", "1")] == [*range(len(builder.records[1]))]
    ambiguous = tail.run("--from", "3")
    assert (ambiguous.returncode, "--from needs --partition" in ambiguous.stderr) == (2, True)
    assert tail.run("--partition", "3").returncode == 2


def test_group_member_takes_over_partitions_of_a_killed_one(
    cluster: Cluster, members: Callable[[Tail, str], Member]
) -> None:
    topic, builder, group = new_topic(cluster, 4), build_facts(40, 4), uuid4().hex
    begin = [len(records) // 2 for records in builder.records]
    write(cluster, topic, [records[:half] for records, half in zip(builder.records, begin, strict=True)])
    tail = Tail(cluster, topic)
    first_member = members(tail, group)
    positions_read = first_member.next_positions(40)
    assert (len(set(positions_read)), set(positions_read)) == (40, {(p, o) for p in range(4) for o in range(begin[p])})
    second_member = members(tail, group)
    their_share = second_member.wait_assigned(lambda partitions: len(partitions) == 2)
    assert first_member.wait_assigned(lambda partitions: len(partitions) == 2) == {0, 1, 2, 3} - their_share
    assert second_member.end(signal.SIGKILL) == -signal.SIGKILL
    write(cluster, topic, [records[half:] for records, half in zip(builder.records, begin, strict=True)])
    positions_read += first_member.next_positions(40)
    assert len(positions_read) == 80
    assert set(positions_read) == positions(builder, 0, 1, 2, 3)


def test_topic_is_followed_until_ctrl_c(cluster: Cluster) -> None:
    topic, builder = new_topic(cluster, 2), build_facts(10, 2)
    write(cluster, topic, [records[:1] for records in builder.records])
    following = Tail(cluster, topic).line.start("tail", "--follow", "--json")
    try:
        assert following.stdout is not None
        positions_read = [json.loads(following.stdout.readline()) for _ in range(2)]
        write(cluster, topic, [records[1:] for records in builder.records])
        positions_read += [json.loads(following.stdout.readline()) for _ in range(18)]
        following.send_signal(signal.SIGINT)
        assert following.wait(SOON) == 130
    finally:
        stop(following)
    assert {(record["partition"], record["offset"]) for record in positions_read} == positions(builder, 0, 1)
    assert {record["verdict"] for record in positions_read} == {"fact"}


def test_group_continues_at_committed_offsets_after_ctrl_c(
    cluster: Cluster, members: Callable[[Tail, str], Member]
) -> None:
    topic, builder, group = new_topic(cluster), build_log_of_every_verdict(), uuid4().hex
    write(cluster, topic, [builder.records[0][:3]])
    tail = Tail(cluster, topic)
    first = members(tail, group)
    assert first.next_positions(3) == [(0, 0), (0, 1), (0, 2)]
    assert first.end(signal.SIGINT) == 130
    assert first.remaining_notes() == [f"partitions of this member of {group}: 0"]
    write(cluster, topic, [builder.records[0][3:]])
    second = members(tail, group)
    records = [json.loads(second.printed.get(timeout=SOON)) for _ in range(5)]
    assert [(record["offset"], record["verdict"]) for record in records] == [
        (3, "foreign"),
        (4, "foreign"),
        (5, "broken"),
        (6, "fact"),
        (7, "barrier"),
    ]
    assert second.end(signal.SIGINT) == 130
    new_group = members(tail, uuid4().hex)
    assert new_group.next_positions(8) == [(0, offset) for offset in range(8)]


@pytest.mark.parametrize("args", [["--from", "0"], ["--partition", "0"]])
def test_group_excludes_partition_and_first_offset(cluster: Cluster, args: list[str]) -> None:
    result = Tail(cluster, "nosuch").run("--group", "readers", *args)
    assert (result.returncode, "--group needs --bootstrap" in result.stderr) == (2, True)
