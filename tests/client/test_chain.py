"""The client package's chain rule gives every message the same verdict as the server."""

import pytest
from hypothesis import given, strategies as st
from tests.commands.simulation.snapshot_store import NoSnapshot
from tests.log.memory import MemoryLog

from ordertrail.chain import Facts, Verdict, digest, judge, partition_of
from ordertrail.events.v2.order_events_pb2 import OrderConfirmed
from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.cli.partition_fold import PartitionFold
from ordertrail_server.commands.fold import Fold
from ordertrail_server.log import placement
from ordertrail_server.log.kafka.cursor import decode_key
from ordertrail_server.log.port import Logged
from ordertrail_server.orders import chain
from ordertrail_server.orders.aggregate import Aggregate
from ordertrail_server.projections.fold import BatchFold, Place
from ordertrail_server.schema.reading import read

PARTITIONS = 3
ORDERS = ["order-1", "order-2", "bestellung-ä", "\\xff", "\ufffd", "a\0b", "barrier", ""]
KEYS = [b"order-2", b"\xff", b"bestellung-\xe4", b"", None]
NO_RECORDS = (Verdict.FOREIGN, Verdict.BARRIER)
Message = tuple[bytes | None, bytes | None, int]


def find_no_digest(order_id: str, stored: Aggregate, version: int) -> bytes | None:
    """Return no digest: nothing was stored before."""
    return None


def record(version: int, previous: bytes, order_id: str = "order-1", event_id: str = "") -> bytes:
    event = OrderConfirmed()
    envelope = Record(
        event_id=event_id, order_id=order_id, order_version=version, previous=previous, order_confirmed_v2=event
    )
    return envelope.SerializeToString()


def verdict_on(
    facts: Facts, value: bytes | None, key: bytes | None = b"order-1", partition: int | None = None
) -> Verdict:
    return judge(facts, key, value, partition_of("order-1", PARTITIONS) if partition is None else partition, PARTITIONS)


FIRST = record(1, b"")
SECOND = record(2, digest(FIRST))


def test_record_that_names_newest_fact_is_a_fact() -> None:
    facts: Facts = {}
    assert [verdict_on(facts, value) for value in (FIRST, SECOND)] == [Verdict.FACT, Verdict.FACT]
    assert facts == {"order-1": [digest(FIRST), digest(SECOND)]}


def test_repeated_record_and_loser_of_a_race_are_void() -> None:
    facts: Facts = {"order-1": [digest(FIRST), digest(SECOND)]}
    late_record = record(2, digest(FIRST), event_id="another")
    assert [verdict_on(facts, value) for value in (SECOND, FIRST, late_record)] == [Verdict.VOID] * 3
    assert facts == {"order-1": [digest(FIRST), digest(SECOND)]}


def test_record_with_unknown_predecessor_or_version_gap_is_broken() -> None:
    facts: Facts = {"order-1": [digest(FIRST)]}
    for value in (record(2, b"x" * 16), record(3, digest(FIRST)), record(1, digest(FIRST)), record(0, b"")):
        assert verdict_on(facts, value) is Verdict.BROKEN


def test_unreadable_message_or_wrong_key_or_partition_is_foreign() -> None:
    facts: Facts = {}
    other_partition = (partition_of("order-1", PARTITIONS) + 1) % PARTITIONS
    foreign = [
        verdict_on(facts, b"\xff"),
        verdict_on(facts, b""),
        verdict_on(facts, None),
        verdict_on(facts, FIRST, key=b"order-2"),
        verdict_on(facts, FIRST, key=None),
        verdict_on(facts, FIRST, partition=other_partition),
    ]
    assert foreign == [Verdict.FOREIGN] * 6
    assert facts == {}


def test_empty_message_with_key_barrier_is_a_barrier() -> None:
    facts: Facts = {}
    assert [verdict_on(facts, value, key=b"barrier") for value in (b"", None)] == [Verdict.BARRIER] * 2
    order_verdict = judge(facts, b"barrier", record(1, b"", "barrier"), partition_of("barrier", PARTITIONS), PARTITIONS)
    assert order_verdict is Verdict.FACT


def test_record_with_unreadable_event_is_judged_by_its_envelope() -> None:
    newer_record = Record(order_id="order-1", order_version=1).SerializeToString() + b"\xa2\x06\x00"
    damaged_record = Record(order_id="order-1", order_version=2, previous=digest(newer_record)).SerializeToString()
    damaged_record += b"\xa2\x01\x02\xff\xff"
    facts: Facts = {}
    assert [verdict_on(facts, value) for value in (newer_record, damaged_record)] == [Verdict.FACT, Verdict.FACT]


def test_record_with_unreadable_envelope_is_foreign() -> None:
    for damage in (b"\x32\x02\xff\xff", b"\x2a\x02\xff\xff", b"\x3a\x01\xff"):  # cause, record time, actor
        assert read(FIRST + damage) is None
        assert verdict_on({}, FIRST + damage) is Verdict.FOREIGN


@given(st.text(max_size=20), st.integers(1, 64))
def test_partition_of_order_is_that_of_the_server(order_id: str, partitions: int) -> None:
    assert partition_of(order_id, partitions) == placement.partition_of(order_id, partitions)


class ServerFolds:
    """Judges messages of all partitions as a writer, a projector and `ordertrail tail` do, which must agree."""

    def __init__(self) -> None:
        log = MemoryLog(partitions=PARTITIONS)
        self._writers = [Fold(log, partition, NoSnapshot()) for partition in range(PARTITIONS)]
        self._projections = [
            BatchFold(Place("", partition, PARTITIONS), {}, find_no_digest) for partition in range(PARTITIONS)
        ]
        self._tails = [PartitionFold(partition, PARTITIONS) for partition in range(PARTITIONS)]
        self._ends = [0] * PARTITIONS

    def judge(self, message: Message) -> Verdict:
        key, value, partition = message
        logged = Logged(self._ends[partition], decode_key(key), value or b"", chain.digest(value or b""))
        self._ends[partition] += 1
        verdict = Verdict(self._tails[partition].judge(logged).verdict)
        fold_verdict = self._writers[partition].take(logged)
        assert (fold_verdict.value if fold_verdict else None) == (None if verdict in NO_RECORDS else verdict.value)
        assert self._project(partition, logged) == verdict.value
        return verdict

    def _project(self, partition: int, logged: Logged) -> str:
        rows = self._projections[partition].rows
        without_effect = len(rows.not_facts)
        self._projections[partition].take(logged)
        return str(rows.not_facts[-1][1]) if len(rows.not_facts) > without_effect else Verdict.FACT.value


@st.composite
def draw_topic(draw: st.DrawFn) -> list[Message]:
    """Messages of servers that race, repeated, reordered and damaged."""
    messages: list[Message] = []
    heads: dict[str, list[bytes]] = {order_id: [b""] for order_id in ORDERS}
    for number in range(draw(st.integers(1, 12))):
        order_id = draw(st.sampled_from(ORDERS))
        version_before = draw(st.integers(0, len(heads[order_id]) - 1))
        chained_record = record(version_before + 1, heads[order_id][version_before], order_id, event_id=str(number))
        if version_before + 1 == len(heads[order_id]):
            heads[order_id].append(digest(chained_record))
        messages.append((order_id.encode(), chained_record, partition_of(order_id, PARTITIONS)))
    barrier = st.tuples(st.just(b"barrier"), st.sampled_from([b"", None]), st.integers(0, PARTITIONS - 1))
    messages += draw(st.lists(barrier, max_size=2))
    for place in draw(st.lists(st.integers(0, len(messages) - 1), max_size=4)):
        key, value, partition = messages[place]
        damaged_value = bytearray(value or b"")
        if damaged_value:
            damaged_value[draw(st.integers(0, len(damaged_value) - 1))] ^= draw(st.integers(1, 255))
        changed_message = (
            draw(st.sampled_from([key, key, *KEYS])),
            draw(st.sampled_from([bytes(damaged_value), value, None])),
            draw(st.sampled_from([partition, partition, 0, 1, 2])),
        )
        messages.insert(draw(st.integers(0, len(messages))), changed_message)
    return messages


@given(draw_topic())
def test_verdict_on_every_message_is_that_of_the_server(messages: list[Message]) -> None:
    facts: Facts = {}
    servers = ServerFolds()
    for message in messages:
        assert judge(facts, *message, PARTITIONS) is servers.judge(message)


@pytest.mark.parametrize("key", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"order\xff"])
def test_record_with_key_that_is_not_utf_8_is_foreign(key: bytes) -> None:
    for order_id in (key.decode(errors=errors) for errors in ("backslashreplace", "replace", "ignore")):
        message = key, record(1, b"", order_id), partition_of(order_id, PARTITIONS)
        assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
        assert ServerFolds().judge(message) is Verdict.FOREIGN


@pytest.mark.parametrize("key", [None, b""])
def test_record_without_order_id_is_foreign(key: bytes | None) -> None:
    message = key, record(1, b"", ""), partition_of("", PARTITIONS)
    assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
    assert ServerFolds().judge(message) is Verdict.FOREIGN
