"""Where a partition begins and ends, as librdkafka tells it of brokers that answer half a question."""

from collections import deque
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ordertrail_server.log.kafka.leader_offsets import LeaderOffsets
from ordertrail_server.log.kafka.offset_queries import MAX_ATTEMPTS, EndOffset, query_end_offset, query_watermarks

Ends = tuple[int, int]


class Answers:
    """Stands in for librdkafka's consumer: what it tells of a partition, one answer after another."""

    def __init__(self, *told: Ends) -> None:
        self.left = deque(told)

    def get_watermark_offsets(self, *_: object) -> Ends:
        return self.left.popleft()


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([(0, 6)], (0, 6)),
        ([(0, 0)], (0, 0)),
        ([(4, 10)], (4, 10)),
        ([(6, 6), (6, 6), (0, 6)], (0, 6)),
        ([(6, 6)] * MAX_ATTEMPTS, (6, 6)),
    ],
    ids=["whole", "empty", "lost its beginning", "the beginning's answer got lost twice", "all was removed"],
)
def test_the_end_alone_is_asked_for_again_before_it_counts_as_the_beginning(told: list[Ends], found: Ends) -> None:
    consumer = Answers(*told)
    assert query_watermarks(cast("Consumer", cast("Any", consumer)), "orders.events", 0, 1.0) == found
    assert not consumer.left


class Moving:
    """Stands in for librdkafka's consumer while a leader is dead: it asks that one until metadata name another."""

    def __init__(self, *metadata_come: bool) -> None:
        self._come = deque(metadata_come)
        self._moved = False
        self.given: list[float] = []

    def offsets_for_times(self, asked: list[TopicPartition], seconds: float) -> list[TopicPartition]:
        self.given.append(seconds)
        if not self._moved:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return [TopicPartition(each.topic, each.partition, 6, leader_epoch=1) for each in asked]

    def list_topics(self, *_: object, **__: object) -> object:
        self._moved = self._come.popleft()
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def test_a_leader_that_does_not_answer_is_not_asked_for_all_the_time_as_another_may_lead_meanwhile() -> None:
    consumer = Moving(False, True)
    assert query_end_offset(cast("Consumer", cast("Any", consumer)), "orders.events", 0, 60.0) == EndOffset(6, 1)
    assert [seconds < 60.0 / 2 for seconds in consumer.given] == [True, True, True]


class Told:
    """Stands in for librdkafka's consumer at one broker, which tells of an end."""

    def __init__(self, end: EndOffset) -> None:
        self._end = end

    def offsets_for_times(self, asked: list[TopicPartition], seconds: float) -> list[TopicPartition]:
        offset, epoch = self._end
        return [TopicPartition(each.topic, each.partition, offset, leader_epoch=epoch) for each in asked]


def asking(*brokers: EndOffset) -> LeaderOffsets:
    """Return what asks the first of the brokers, and another one with each client that is new."""
    clients = iter(brokers)
    return LeaderOffsets(lambda: cast("Consumer", cast("Any", Told(next(clients)))), "orders.events", 1, 60.0)


def test_a_broker_of_a_lower_epoch_than_was_heard_of_is_not_believed_and_another_one_asked() -> None:
    leads, replaced, leads_on = EndOffset(5, 7), EndOffset(9, 6), EndOffset(9, 7)
    ask = asking(leads, replaced, leads_on)
    assert ask.query_end(0, known_end=8) == 5  # after which a new client comes upon the one that was replaced
    assert ask.query_end(0, known_end=8) == 9
    assert ask.query_end(0, known_end=9) == 9


def test_after_an_end_before_the_one_that_is_known_another_client_asks() -> None:
    ask = asking(EndOffset(5, 7), EndOffset(8, 8))
    assert [ask.query_end(0, known_end=8), ask.query_end(0, known_end=8)] == [5, 8]


def test_whoever_claims_an_end_that_is_none_has_not_each_question_asked_by_a_new_client() -> None:
    ask = asking(EndOffset(5, 7), EndOffset(5, 7))
    assert [ask.query_end(0, known_end=1_000_000) for _ in range(100)] == [5] * 100


def test_as_long_as_nothing_speaks_against_it_the_same_client_asks() -> None:
    ask = asking(EndOffset(5, 7))
    assert [ask.query_end(0, known_end=0), ask.query_end(0, known_end=5)] == [5, 5]
