"""Which messages of the topic of subscriptions count: given messages, when one more, then."""

from collections.abc import Sequence

import pytest
from tests.subscriptions.memory_topic import MemoryTopic
from tests.subscriptions.state_records import FIRST, claimed, created

from ordertrail_server.log.port import Entry
from ordertrail_server.subscriptions.kafka.kafka_state_log import KafkaStateLog
from ordertrail_server.subscriptions.kafka.state_message import (
    RecordsStored,
    StateMessage,
    TermBegun,
    TermContinued,
    UnknownMessage,
    decode_message,
    encode_message,
    split_records,
)
from ordertrail_server.subscriptions.kafka.term import Term
from ordertrail_server.subscriptions.kafka.topic_fold import TopicFold
from ordertrail_server.subscriptions.state_log import StateDamaged, TermLost
from ordertrail_server.subscriptions.state_record import StateRecord

ONE, RIVAL, TWO = Term(1, "server-1"), Term(1, "server-9"), Term(2, "server-2")


def stored(term: Term, number: int, record: StateRecord) -> StateMessage:
    [message] = split_records(term, number, record.uid, [record])
    return message


def fold(*messages: StateMessage | None) -> list[StateRecord]:
    topic_fold = TopicFold()
    for offset, message in enumerate(messages):
        topic_fold.fold(offset, message)
    return topic_fold.records()


def test_records_of_the_present_term_count() -> None:
    assert fold(TermBegun(ONE), stored(ONE, 1, created())) == [created()]


def test_record_of_an_ended_term_is_void() -> None:
    assert fold(TermBegun(ONE), TermBegun(TWO), stored(ONE, 1, created())) == []


def test_second_term_of_the_same_number_is_void_and_so_are_its_records() -> None:
    messages = TermBegun(ONE), TermBegun(RIVAL), stored(RIVAL, 1, created("b")), stored(ONE, 1, created("a"))
    assert fold(*messages) == [created("a")]


def test_term_that_is_stored_late_does_not_end_a_later_one() -> None:
    assert fold(TermBegun(ONE), TermBegun(TWO), TermBegun(ONE), stored(TWO, 1, created())) == [created()]


def test_repeated_and_reordered_messages_are_void() -> None:
    first, second = stored(ONE, 1, created()), stored(ONE, 2, claimed(FIRST))
    assert fold(TermBegun(ONE), second, first, second, first, second) == [created(), claimed(FIRST)]


def test_topic_that_was_cut_begins_with_a_continued_term() -> None:
    messages = TermContinued(TWO, 7), stored(TWO, 8, created()), TermContinued(TWO, 9), stored(TWO, 10, claimed(FIRST))
    assert fold(*messages) == [created(), claimed(FIRST)]


def test_continued_term_of_another_server_is_void() -> None:
    assert fold(TermBegun(ONE), TermContinued(TWO, 1), stored(TWO, 2, created())) == []


def test_records_in_parts_count_with_the_last_part() -> None:
    first, last = (
        RecordsStored(ONE, 1, "a", "[[1,", is_last=False, replaces=True),
        RecordsStored(ONE, 2, "a", '"x",[]]]'),
    )
    begin = TermBegun(ONE), stored(ONE, 1, created("a"))
    first, last = first._replace(number=2), last._replace(number=3)
    assert fold(*begin, first) == [created("a")]
    assert fold(*begin, first, last) == fold(TermBegun(ONE), first._replace(number=1), last._replace(number=2)) != []


def test_parts_of_an_ended_term_are_dropped() -> None:
    part = RecordsStored(ONE, 1, "a", "[[1,", is_last=False)
    assert fold(TermBegun(ONE), part, TermBegun(TWO), stored(TWO, 1, created())) == [created()]


@pytest.mark.parametrize("value", [b"", b"\xff", b"[]", b"{}", b'{"term":0,"writer":"a"}', b"[" * 100_000])
def test_foreign_messages_have_no_effect(value: bytes) -> None:
    assert decode_message("a", value) is None
    assert fold(TermBegun(ONE), decode_message("a", value), stored(ONE, 1, created())) == [created()]


def test_message_is_read_as_it_was_written() -> None:
    for message in (TermBegun(ONE), TermContinued(TWO, 3), RecordsStored(ONE, 4, "uid-ä", "[", False, True)):
        entry = encode_message(message)
        assert decode_message(entry.key, entry.value) == message


async def test_message_of_a_newer_release_in_the_present_term_is_refused() -> None:
    topic = MemoryTopic()
    topic.store(encode_message(TermBegun(ONE)))
    topic.store(Entry("a", b'{"term":1,"writer":"server-1","novelty":1}'))
    assert decode_message("a", topic.messages[1].value) == UnknownMessage(ONE)
    with pytest.raises(StateDamaged, match="newer"):
        await KafkaStateLog.open(topic, "server-2")


async def test_record_of_a_newer_release_is_refused() -> None:
    topic = MemoryTopic()
    topic.store(encode_message(TermBegun(ONE)))
    topic.store(encode_message(RecordsStored(ONE, 1, "a", '[[1,"x",[["novelty",1]]]]')))
    with pytest.raises(StateDamaged, match="newer"):
        await (await KafkaStateLog.open(topic, "server-2")).read()


class ContestedTopic(MemoryTopic):
    """A topic on which another server begins a term just before."""

    async def append(self, entries: Sequence[Entry]) -> list[int]:
        self.store(encode_message(TermBegun(RIVAL)))
        return await super().append(entries)


async def test_server_whose_term_comes_second_does_not_begin_it() -> None:
    with pytest.raises(TermLost):
        await KafkaStateLog.open(ContestedTopic(), "server-1")
