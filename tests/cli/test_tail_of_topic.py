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
from tests.projections.story import CONFIRMED, PLACED, PLUM_ADDED, Story

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
    """A process that tails as one of a group. What it prints comes line by line, with patience but not for ever."""

    def __init__(self, tail: Tail, group: str) -> None:
        self.process = tail.line.start("tail", "--group", group, "--json")
        self.printed, _ = self._lines(self.process.stdout)
        self.said, self._saying = self._lines(self.process.stderr)

    def assigned(self, until: Callable[[set[int]], bool]) -> set[int]:
        """Return the partitions that it has, as soon as they are as wanted."""
        while True:
            names = self.said.get(timeout=SOON).rpartition(": ")[2].split(", ")
            found = {int(name) for name in names if name != "none"}
            if until(found):
                return found

    def places(self, count: int) -> list[tuple[int, int]]:
        """Return the places of the next records."""
        records = [json.loads(self.printed.get(timeout=SOON)) for _ in range(count)]
        return [(record["partition"], record["offset"]) for record in records]

    def rest_said(self) -> list[str]:
        """Return the lines that it says until its end."""
        self._saying.join(SOON)
        return [line for line in (self.said.get() for _ in range(self.said.qsize())) if line]

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
    with ExitStack() as held:

        def start(tail: Tail, group: str) -> Member:
            member = Member(tail, group)
            held.callback(stop, member.process)
            return member

        yield start


def every_verdict() -> Story:
    story = Story()
    story.fact("order-1", PLACED)
    story.repeat("order-1", 1)
    story.fact("order-1", CONFIRMED)
    story.unreadable("order-1")
    story.under_another_key("order-2", "order-1")
    story.broken("order-1")
    story.future("order-2")
    story.barrier("order-1")
    return story


def facts(count: int, partitions: int) -> Story:
    """Return two facts of each of so many orders."""
    story = Story(partitions)
    for event in (PLACED, PLUM_ADDED):
        for number in range(count):
            story.fact(f"order-{number}", event)
    return story


def places(story: Story, *partitions: int) -> set[tuple[int, int]]:
    return {(partition, offset) for partition in partitions for offset in range(len(story.records[partition]))}


def test_each_record_is_shown_with_place_verdict_and_event(cluster: Cluster) -> None:
    topic = new_topic(cluster)
    write(cluster, topic, every_verdict().records)
    tail = Tail(cluster, topic)
    ended = tail.run()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["0:0", "fact"],
        ["0:1", "void"],
        ["0:2", "fact"],
        ["0:3", "foreign"],
        ["0:4", "foreign"],
        ["0:5", "broken"],
        ["0:6", "fact"],
        ["0:7", "barrier"],
    ]
    first, *_, unknown, _ = ended.stdout.splitlines()
    assert "order placed" in first
    assert "an event of number 99, which this release does not know" in unknown
    in_json = tail.records()
    assert [record["verdict"] for record in in_json] == [line.split()[1] for line in ended.stdout.splitlines()]
    assert in_json[2]["event"]["orderConfirmed"] == {}


def test_verdicts_hold_from_whatever_offset_the_records_are_shown(cluster: Cluster) -> None:
    topic = new_topic(cluster)
    write(cluster, topic, every_verdict().records)
    tail = Tail(cluster, topic)
    everything = tail.records()
    for begin in (1, 6):
        assert tail.records("--partition", "0", "--from", str(begin)) == everything[begin:]


def test_an_order_of_another_partition_is_foreign(cluster: Cluster) -> None:
    topic, story = new_topic(cluster, 3), Story(3)
    story.misplaced("order-1")
    write(cluster, topic, story.records)
    [record] = Tail(cluster, topic).records()
    assert (record["verdict"], record["partition"]) == ("foreign", (partition_of("order-1", 3) - 1) % 3)


def test_all_partitions_are_shown_or_one_of_them_from_an_offset_of_its_own(cluster: Cluster) -> None:
    topic, story = new_topic(cluster, 3), facts(30, 3)
    write(cluster, topic, story.records)
    tail = Tail(cluster, topic)
    everything = [(record["partition"], record["offset"]) for record in tail.records()]
    assert (len(everything), set(everything)) == (60, places(story, 0, 1, 2))
    assert [record["offset"] for record in tail.records("--partition", "1")] == [*range(len(story.records[1]))]
    ambiguous = tail.run("--from", "3")
    assert (ambiguous.returncode, "--from needs --partition" in ambiguous.stderr) == (2, True)
    assert tail.run("--partition", "3").returncode == 2


def test_two_of_a_group_share_the_partitions_and_the_other_goes_on_when_one_is_killed(
    cluster: Cluster, members: Callable[[Tail, str], Member]
) -> None:
    topic, story, group = new_topic(cluster, 4), facts(40, 4), uuid4().hex
    begin = [len(records) // 2 for records in story.records]
    write(cluster, topic, [records[:half] for records, half in zip(story.records, begin, strict=True)])
    tail = Tail(cluster, topic)
    ours = members(tail, group)
    seen = ours.places(40)
    assert (len(set(seen)), set(seen)) == (40, {(p, o) for p in range(4) for o in range(begin[p])})
    theirs = members(tail, group)
    their_share = theirs.assigned(lambda found: len(found) == 2)
    assert ours.assigned(lambda found: len(found) == 2) == {0, 1, 2, 3} - their_share
    assert theirs.end(signal.SIGKILL) == -signal.SIGKILL
    write(cluster, topic, [records[half:] for records, half in zip(story.records, begin, strict=True)])
    seen += ours.places(40)
    assert len(seen) == 80
    assert set(seen) == places(story, 0, 1, 2, 3)


def test_a_topic_is_followed_until_ctrl_c(cluster: Cluster) -> None:
    topic, story = new_topic(cluster, 2), facts(10, 2)
    write(cluster, topic, [records[:1] for records in story.records])
    following = Tail(cluster, topic).line.start("tail", "--follow", "--json")
    try:
        assert following.stdout is not None
        seen = [json.loads(following.stdout.readline()) for _ in range(2)]
        write(cluster, topic, [records[1:] for records in story.records])
        seen += [json.loads(following.stdout.readline()) for _ in range(18)]
        following.send_signal(signal.SIGINT)
        assert following.wait(SOON) == 130
    finally:
        stop(following)
    assert {(record["partition"], record["offset"]) for record in seen} == places(story, 0, 1)
    assert {record["verdict"] for record in seen} == {"fact"}


def test_a_group_goes_on_where_it_was_and_ctrl_c_ends_a_member_cleanly(
    cluster: Cluster, members: Callable[[Tail, str], Member]
) -> None:
    topic, story, group = new_topic(cluster), every_verdict(), uuid4().hex
    write(cluster, topic, [story.records[0][:3]])
    tail = Tail(cluster, topic)
    first = members(tail, group)
    assert first.places(3) == [(0, 0), (0, 1), (0, 2)]
    assert first.end(signal.SIGINT) == 130
    assert first.rest_said() == [f"partitions of this member of {group}: 0"]
    write(cluster, topic, [story.records[0][3:]])
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
    other = members(tail, uuid4().hex)
    assert other.places(8) == [(0, offset) for offset in range(8)]


@pytest.mark.parametrize("args", [["--from", "0"], ["--partition", "0"]])
def test_a_group_chooses_its_places_itself(cluster: Cluster, args: list[str]) -> None:
    ended = Tail(cluster, "nosuch").run("--group", "readers", *args)
    assert (ended.returncode, "--group needs --bootstrap" in ended.stderr) == (2, True)
