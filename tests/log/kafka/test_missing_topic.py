"""A topic that some brokers have not heard of yet."""

import pytest

from ordertrail_server.log.kafka.topic import MAX_ATTEMPTS, TopicMissing, retry_missing


class Brokers:
    """Answer a question about a topic, those first that have not heard of it."""

    def __init__(self, unaware: int) -> None:
        self._unaware, self.asked = unaware, 0

    def answer(self) -> str:
        self.asked += 1
        if self.asked <= self._unaware:
            raise TopicMissing("The cluster has no such topic.")
        return "here it is"


def test_it_is_asked_for_again() -> None:
    assert retry_missing(Brokers(unaware=MAX_ATTEMPTS - 1).answer) == "here it is"


def test_it_counts_as_missing_when_nobody_has_heard_of_it() -> None:
    brokers = Brokers(unaware=MAX_ATTEMPTS)
    with pytest.raises(TopicMissing):
        retry_missing(brokers.answer)
    assert brokers.asked == MAX_ATTEMPTS
