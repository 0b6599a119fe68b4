"""Where a partition begins and ends, as librdkafka tells it of brokers that answer half a question."""

from collections import deque
from typing import Any, cast

import pytest
from confluent_kafka import Consumer

from ordertrail_server.log.kafka_questions import ANSWERS_ALIKE, query_ends

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
        ([(6, 6)] * ANSWERS_ALIKE, (6, 6)),
    ],
    ids=["whole", "empty", "lost its beginning", "the beginning's answer got lost twice", "all was removed"],
)
def test_the_end_alone_is_asked_for_again_before_it_counts_as_the_beginning(told: list[Ends], found: Ends) -> None:
    consumer = Answers(*told)
    assert query_ends(cast("Consumer", cast("Any", consumer)), "orders.events", 0, 1.0) == found
    assert not consumer.left
