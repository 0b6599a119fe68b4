"""The client package's chain rule gives every message the same verdict as the server."""

import pytest
from hypothesis import given, settings, strategies as st
from tests.client.server_folds import ServerFolds
from tests.client.topic_generator import Message, draw_topic

from ordertrail.chain import Chains, Verdict, digest, judge, partition_of
from ordertrail.events.v2.order_events_pb2 import OrderConfirmed
from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log import placement
from ordertrail_server.schema.reading import read

PARTITIONS = 3


def record(version: int, previous: bytes, order_id: str = "order-1", event_id: str = "") -> bytes:
    event = OrderConfirmed()
    envelope = Record(
        event_id=event_id, order_id=order_id, order_version=version, previous=previous, order_confirmed_v2=event
    )
    return envelope.SerializeToString()


def verdict_on(
    chains: Chains, value: bytes | None, key: bytes | None = b"order-1", partition: int | None = None
) -> Verdict:
    return judge(
        chains, key, value, partition_of("order-1", PARTITIONS) if partition is None else partition, PARTITIONS
    )


FIRST = record(1, b"")
SECOND = record(2, digest(FIRST))
LINKS = [(1, digest(FIRST)), (2, digest(SECOND))]


def test_record_that_names_newest_link_is_a_fact() -> None:
    chains: Chains = {}
    assert [verdict_on(chains, value) for value in (FIRST, SECOND)] == [Verdict.FACT, Verdict.FACT]
    assert chains == {"order-1": LINKS}


def test_repeated_record_and_loser_of_a_race_are_void() -> None:
    chains: Chains = {"order-1": list(LINKS)}
    late_record = record(2, digest(FIRST), event_id="another")
    assert [verdict_on(chains, value) for value in (SECOND, FIRST, late_record)] == [Verdict.VOID] * 3
    assert chains == {"order-1": LINKS}


def test_record_with_unknown_predecessor_or_version_gap_is_broken() -> None:
    chains: Chains = {"order-1": LINKS[:1]}
    for value in (record(2, b"x" * 16), record(3, digest(FIRST)), record(1, digest(FIRST)), record(0, b"")):
        assert verdict_on(chains, value) is Verdict.BROKEN


def refusal(version: int, previous: bytes, content: bytes = b"") -> bytes:
    envelope = Record(order_id="order-1", order_version=version, previous=previous)
    return envelope.SerializeToString() + b"\x4a" + bytes([len(content)]) + content


def test_refusal_that_names_newest_link_is_a_link_with_the_version_before() -> None:
    chains: Chains = {"order-1": LINKS[:1]}
    refused = refusal(1, digest(FIRST))
    second = record(2, digest(refused))
    assert [verdict_on(chains, value) for value in (refused, second)] == [Verdict.REFUSAL, Verdict.FACT]
    assert chains == {"order-1": [LINKS[0], (1, digest(refused)), (2, digest(second))]}


def test_refusal_before_the_first_fact_is_a_link() -> None:
    refused = refusal(0, b"")
    first = record(1, digest(refused))
    chains: Chains = {}
    assert [verdict_on(chains, value) for value in (refused, first)] == [Verdict.REFUSAL, Verdict.FACT]
    assert verdict_on(chains, FIRST) is Verdict.VOID


def test_record_that_loses_race_against_refusal_is_void_and_reverse() -> None:
    refused = refusal(1, digest(FIRST))
    chains: Chains = {"order-1": [LINKS[0], (1, digest(refused))]}
    assert verdict_on(chains, SECOND) is Verdict.VOID
    chains = {"order-1": list(LINKS)}
    assert verdict_on(chains, refused) is Verdict.VOID


def test_refusal_with_other_version_or_unknown_predecessor_is_broken() -> None:
    chains: Chains = {"order-1": LINKS[:1]}
    for value in (refusal(2, digest(FIRST)), refusal(1, b"x" * 16), refusal(0, digest(FIRST)), refusal(-1, b"")):
        assert verdict_on(chains, value) is Verdict.BROKEN


def test_content_of_refusal_does_not_matter() -> None:
    for content in (b"", b"\xff\xff", b"\x0a\x00"):
        assert verdict_on({"order-1": LINKS[:1]}, refusal(1, digest(FIRST), content)) is Verdict.REFUSAL


def test_unreadable_message_or_wrong_key_or_partition_is_foreign() -> None:
    chains: Chains = {}
    other_partition = (partition_of("order-1", PARTITIONS) + 1) % PARTITIONS
    foreign = [
        verdict_on(chains, b"\xff"),
        verdict_on(chains, b""),
        verdict_on(chains, None),
        verdict_on(chains, FIRST, key=b"order-2"),
        verdict_on(chains, FIRST, key=None),
        verdict_on(chains, FIRST, partition=other_partition),
    ]
    assert foreign == [Verdict.FOREIGN] * 6
    assert chains == {}


def test_empty_message_with_key_barrier_is_a_barrier() -> None:
    chains: Chains = {}
    assert [verdict_on(chains, value, key=b"barrier") for value in (b"", None)] == [Verdict.BARRIER] * 2
    order_verdict = judge(
        chains, b"barrier", record(1, b"", "barrier"), partition_of("barrier", PARTITIONS), PARTITIONS
    )
    assert order_verdict is Verdict.FACT


def test_record_with_unreadable_event_is_judged_by_its_envelope() -> None:
    newer_record = Record(order_id="order-1", order_version=1).SerializeToString() + b"\xa2\x06\x00"
    damaged_record = Record(order_id="order-1", order_version=2, previous=digest(newer_record)).SerializeToString()
    damaged_record += b"\xa2\x01\x02\xff\xff"
    chains: Chains = {}
    assert [verdict_on(chains, value) for value in (newer_record, damaged_record)] == [Verdict.FACT, Verdict.FACT]


def test_record_with_unreadable_envelope_is_foreign() -> None:
    for damage in (b"\x32\x02\xff\xff", b"\x2a\x02\xff\xff", b"\x3a\x01\xff"):  # cause, record time, actor
        assert read(FIRST + damage) is None
        assert verdict_on({}, FIRST + damage) is Verdict.FOREIGN


@given(st.text(max_size=20), st.integers(1, 64))
def test_partition_of_order_is_that_of_the_server(order_id: str, partitions: int) -> None:
    assert partition_of(order_id, partitions) == placement.partition_of(order_id, partitions)


@given(draw_topic(PARTITIONS))
def test_verdict_on_every_message_is_that_of_the_server(messages: list[Message]) -> None:
    chains: Chains = {}
    servers = ServerFolds(PARTITIONS)
    for message in messages:
        assert judge(chains, *message, PARTITIONS).value == servers.judge(message)
    for order_id, links in chains.items():
        assert servers.heads_of(order_id) == [links[-1]] * 3


def test_generated_topics_have_every_verdict() -> None:
    verdicts: set[str] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(draw_topic(PARTITIONS))
    def collect_verdicts(messages: list[Message]) -> None:
        chains: Chains = {}
        verdicts.update(judge(chains, *message, PARTITIONS).value for message in messages)

    collect_verdicts()
    assert verdicts == {verdict.value for verdict in Verdict}


@pytest.mark.parametrize("key", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"order\xff"])
def test_record_with_key_that_is_not_utf_8_is_foreign(key: bytes) -> None:
    for order_id in (key.decode(errors=errors) for errors in ("backslashreplace", "replace", "ignore")):
        message = key, record(1, b"", order_id), partition_of(order_id, PARTITIONS)
        assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
        assert ServerFolds(PARTITIONS).judge(message) == Verdict.FOREIGN.value


@pytest.mark.parametrize("key", [None, b""])
def test_record_without_order_id_is_foreign(key: bytes | None) -> None:
    message = key, record(1, b"", ""), partition_of("", PARTITIONS)
    assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
    assert ServerFolds(PARTITIONS).judge(message) == Verdict.FOREIGN.value
