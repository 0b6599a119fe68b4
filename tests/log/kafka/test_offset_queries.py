"""Queries of first and end offsets to brokers that answer in part, late or stale, with stubs of the consumer."""

from collections import deque
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.leader_offsets import LeaderOffsets
from ordertrail_server.log.kafka.offset_queries import MAX_ATTEMPTS, EndOffset, query_end_offset, query_watermarks

Watermarks = tuple[int, int]


class WatermarkStub:
    """A consumer that returns one pair of watermarks after another."""

    def __init__(self, *answers: Watermarks) -> None:
        self.answers = deque(answers)

    def get_watermark_offsets(self, *_: object) -> Watermarks:
        return self.answers.popleft()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([(0, 6)], (0, 6)),
        ([(0, 0)], (0, 0)),
        ([(4, 10)], (4, 10)),
        ([(6, 6), (6, 6), (0, 6)], (0, 6)),
        ([(6, 6)] * MAX_ATTEMPTS, (6, 6)),
    ],
    ids=["whole", "empty", "lost its beginning", "two answers without the beginning", "all records removed"],
)
def test_first_offset_equal_to_the_end_is_queried_again(answers: list[Watermarks], expected: Watermarks) -> None:
    consumer = WatermarkStub(*answers)
    assert query_watermarks(cast("Consumer", cast("Any", consumer)), "orders.events", 0, 1.0) == expected
    assert not consumer.answers


class DeadLeaderStub:
    """A consumer whose leader is dead. It queries that leader until a refresh of the metadata names another one.

    `refreshes` states for each refresh whether it names another leader.
    """

    def __init__(self, *refreshes: bool) -> None:
        self._refreshes = deque(refreshes)
        self._has_new_leader = False
        self.timeouts: list[float] = []

    def offsets_for_times(self, partitions: list[TopicPartition], seconds: float) -> list[TopicPartition]:
        self.timeouts.append(seconds)
        if not self._has_new_leader:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [TopicPartition(query.topic, query.partition, 6, leader_epoch=1) for query in partitions]

    def list_topics(self, *_: object, **__: object) -> object:
        self._has_new_leader = self._refreshes.popleft()
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def test_query_of_a_silent_leader_leaves_time_for_a_new_leader() -> None:
    consumer = DeadLeaderStub(False, True)
    assert query_end_offset(cast("Consumer", cast("Any", consumer)), "orders.events", 0, 60.0) == EndOffset(6, 1)
    assert [seconds < 60.0 / 2 for seconds in consumer.timeouts] == [True, True, True]


class BrokerStub:
    """A consumer that is connected to one broker, which reports this end."""

    def __init__(self, end: EndOffset) -> None:
        self._end = end

    def offsets_for_times(self, partitions: list[TopicPartition], seconds: float) -> list[TopicPartition]:
        offset, epoch = self._end
        return [TopicPartition(query.topic, query.partition, offset, leader_epoch=epoch) for query in partitions]


def leader_offsets(*brokers: EndOffset) -> LeaderOffsets:
    """Return queries to the first of the brokers. Each new client is connected to the next one."""
    ends = iter(brokers)
    return LeaderOffsets(lambda: cast("Consumer", cast("Any", BrokerStub(next(ends)))), "orders.events", 1, 60.0)


def test_end_of_a_lower_leader_epoch_is_ignored_and_queried_by_a_new_client() -> None:
    leader, replaced_leader, leader_later = EndOffset(5, 7), EndOffset(9, 6), EndOffset(9, 7)
    queries = leader_offsets(leader, replaced_leader, leader_later)
    assert queries.query_end(0, known_end=8) == 5  # so the next query uses a new client
    assert queries.query_end(0, known_end=8) == 9
    assert queries.query_end(0, known_end=9) == 9


def test_end_below_the_known_end_makes_the_next_query_use_a_new_client() -> None:
    queries = leader_offsets(EndOffset(5, 7), EndOffset(8, 8))
    assert [queries.query_end(0, known_end=8), queries.query_end(0, known_end=8)] == [5, 8]


def test_known_end_beyond_the_log_does_not_create_a_client_for_each_query() -> None:
    queries = leader_offsets(EndOffset(5, 7), EndOffset(5, 7))
    assert [queries.query_end(0, known_end=1_000_000) for _ in range(100)] == [5] * 100


def test_client_is_kept_while_ends_do_not_decrease() -> None:
    queries = leader_offsets(EndOffset(5, 7))
    assert [queries.query_end(0, known_end=0), queries.query_end(0, known_end=5)] == [5, 5]
