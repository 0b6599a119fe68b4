"""Queries about a topic that some brokers do not know yet."""

import pytest

from ordertrail_server.log.kafka.topic import MAX_ATTEMPTS, TopicMissing, retry_missing


class Brokers:
    """Brokers that answer a query about a topic. The first `unaware` answers say that the topic does not exist."""

    def __init__(self, unaware: int) -> None:
        self._unaware, self.queries = unaware, 0

    def answer(self) -> str:
        self.queries += 1
        if self.queries <= self._unaware:
            raise TopicMissing("The cluster has no such topic.")
        return "description"


def test_query_is_retried_while_brokers_do_not_know_the_topic() -> None:
    assert retry_missing(Brokers(unaware=MAX_ATTEMPTS - 1).answer) == "description"


def test_topic_is_missing_after_the_last_attempt() -> None:
    brokers = Brokers(unaware=MAX_ATTEMPTS)
    with pytest.raises(TopicMissing):
        retry_missing(brokers.answer)
    assert brokers.queries == MAX_ATTEMPTS
