"""The chain rule as the client package has it: to every message it gives the verdict that a server gives."""

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


def no_digest(order_id: str, stored: Aggregate, version: int) -> bytes | None:
    """Say that nothing was stored before."""
    return None


def record(version: int, previous: bytes, order_id: str = "order-1", event_id: str = "") -> bytes:
    confirmed = OrderConfirmed()
    sealed = Record(
        event_id=event_id, order_id=order_id, order_version=version, previous=previous, order_confirmed_v2=confirmed
    )
    return sealed.SerializeToString()


def judged(facts: Facts, value: bytes | None, key: bytes | None = b"order-1", partition: int | None = None) -> Verdict:
    return judge(facts, key, value, partition_of("order-1", PARTITIONS) if partition is None else partition, PARTITIONS)


FIRST = record(1, b"")
SECOND = record(2, digest(FIRST))


def test_each_record_that_names_the_newest_fact_is_a_fact() -> None:
    facts: Facts = {}
    assert [judged(facts, value) for value in (FIRST, SECOND)] == [Verdict.FACT, Verdict.FACT]
    assert facts == {"order-1": [digest(FIRST), digest(SECOND)]}


def test_what_was_sent_twice_and_what_lost_a_race_is_void() -> None:
    facts: Facts = {"order-1": [digest(FIRST), digest(SECOND)]}
    lost = record(2, digest(FIRST), event_id="another")
    assert [judged(facts, value) for value in (SECOND, FIRST, lost)] == [Verdict.VOID] * 3
    assert facts == {"order-1": [digest(FIRST), digest(SECOND)]}


def test_what_names_no_fact_or_leaves_a_gap_is_broken() -> None:
    facts: Facts = {"order-1": [digest(FIRST)]}
    for value in (record(2, b"x" * 16), record(3, digest(FIRST)), record(1, digest(FIRST)), record(0, b"")):
        assert judged(facts, value) is Verdict.BROKEN


def test_what_is_no_record_of_its_place_is_foreign() -> None:
    facts: Facts = {}
    elsewhere = (partition_of("order-1", PARTITIONS) + 1) % PARTITIONS
    foreign = [
        judged(facts, b"\xff"),
        judged(facts, b""),
        judged(facts, None),
        judged(facts, FIRST, key=b"order-2"),
        judged(facts, FIRST, key=None),
        judged(facts, FIRST, partition=elsewhere),
    ]
    assert foreign == [Verdict.FOREIGN] * 6
    assert facts == {}


def test_what_a_server_appends_to_learn_where_the_partition_ends_is_a_barrier() -> None:
    facts: Facts = {}
    assert [judged(facts, value, key=b"barrier") for value in (b"", None)] == [Verdict.BARRIER] * 2
    of_that_order = judge(facts, b"barrier", record(1, b"", "barrier"), partition_of("barrier", PARTITIONS), PARTITIONS)
    assert of_that_order is Verdict.FACT


def test_an_event_that_cannot_be_read_has_its_place_in_the_chain_all_the_same() -> None:
    from_the_future = Record(order_id="order-1", order_version=1).SerializeToString() + b"\xa2\x06\x00"
    damaged = Record(order_id="order-1", order_version=2, previous=digest(from_the_future)).SerializeToString()
    damaged += b"\xa2\x01\x02\xff\xff"
    facts: Facts = {}
    assert [judged(facts, value) for value in (from_the_future, damaged)] == [Verdict.FACT, Verdict.FACT]


def test_a_record_whose_envelope_cannot_be_read_is_foreign() -> None:
    for damage in (b"\x32\x02\xff\xff", b"\x2a\x02\xff\xff", b"\x3a\x01\xff"):  # cause, record time, actor
        assert read(FIRST + damage) is None
        assert judged({}, FIRST + damage) is Verdict.FOREIGN


@given(st.text(max_size=20), st.integers(1, 64))
def test_an_order_has_the_partition_that_servers_give_it(order_id: str, partitions: int) -> None:
    assert partition_of(order_id, partitions) == placement.partition_of(order_id, partitions)


class ServerFolds:
    """Judges messages of all partitions as a writer, a projector and `ordertrail tail` do, which must agree."""

    def __init__(self) -> None:
        log = MemoryLog(partitions=PARTITIONS)
        self._writers = [Fold(log, each, NoSnapshot()) for each in range(PARTITIONS)]
        self._projections = [BatchFold(Place("", each, PARTITIONS), {}, no_digest) for each in range(PARTITIONS)]
        self._tails = [PartitionFold(each, PARTITIONS) for each in range(PARTITIONS)]
        self._ends = [0] * PARTITIONS

    def judge(self, message: Message) -> Verdict:
        key, value, partition = message
        logged = Logged(self._ends[partition], decode_key(key), value or b"", chain.digest(value or b""))
        self._ends[partition] += 1
        verdict = Verdict(self._tails[partition].judge(logged).verdict)
        written = self._writers[partition].take(logged)
        assert (written.value if written else None) == (None if verdict in NO_RECORDS else verdict.value)
        assert self._project(partition, logged) == verdict.value
        return verdict

    def _project(self, partition: int, logged: Logged) -> str:
        rows = self._projections[partition].rows
        without_effect = len(rows.not_facts)
        self._projections[partition].take(logged)
        return str(rows.not_facts[-1][1]) if len(rows.not_facts) > without_effect else Verdict.FACT.value


@st.composite
def topics(draw: st.DrawFn) -> list[Message]:
    """Messages as servers write them in a race, in any order and number, and as nobody should."""
    messages: list[Message] = []
    heads: dict[str, list[bytes]] = {order_id: [b""] for order_id in ORDERS}
    for number in range(draw(st.integers(1, 12))):
        order_id = draw(st.sampled_from(ORDERS))
        behind = draw(st.integers(0, len(heads[order_id]) - 1))
        linked = record(behind + 1, heads[order_id][behind], order_id, event_id=str(number))
        if behind + 1 == len(heads[order_id]):
            heads[order_id].append(digest(linked))
        messages.append((order_id.encode(), linked, partition_of(order_id, PARTITIONS)))
    barrier = st.tuples(st.just(b"barrier"), st.sampled_from([b"", None]), st.integers(0, PARTITIONS - 1))
    messages += draw(st.lists(barrier, max_size=2))
    for place in draw(st.lists(st.integers(0, len(messages) - 1), max_size=4)):
        key, value, partition = messages[place]
        spoilt = bytearray(value or b"")
        if spoilt:
            spoilt[draw(st.integers(0, len(spoilt) - 1))] ^= draw(st.integers(1, 255))
        other = (
            draw(st.sampled_from([key, key, *KEYS])),
            draw(st.sampled_from([bytes(spoilt), value, None])),
            draw(st.sampled_from([partition, partition, 0, 1, 2])),
        )
        messages.insert(draw(st.integers(0, len(messages))), other)
    return messages


@given(topics())
def test_every_message_has_the_verdict_that_servers_give_it(messages: list[Message]) -> None:
    facts: Facts = {}
    servers = ServerFolds()
    for message in messages:
        assert judge(facts, *message, PARTITIONS) is servers.judge(message)


@pytest.mark.parametrize("key", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"order\xff"])
def test_a_record_under_a_key_that_is_not_utf_8_is_foreign_to_all(key: bytes) -> None:
    for order_id in (key.decode(errors=errors) for errors in ("backslashreplace", "replace", "ignore")):
        message = key, record(1, b"", order_id), partition_of(order_id, PARTITIONS)
        assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
        assert ServerFolds().judge(message) is Verdict.FOREIGN


@pytest.mark.parametrize("key", [None, b""])
def test_a_record_that_names_no_order_is_foreign_to_all(key: bytes | None) -> None:
    message = key, record(1, b"", ""), partition_of("", PARTITIONS)
    assert judge({}, *message, PARTITIONS) is Verdict.FOREIGN
    assert ServerFolds().judge(message) is Verdict.FOREIGN
