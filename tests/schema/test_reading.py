"""Stored bytes, sound or damaged, are read or have a fault."""

import random

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings, strategies as st
from tests.schema.event_cases import NEWEST, PASSING, UNUSED
from tests.schema.records import build_record
from tests.schema.strategies import messages
from tests.schema.upcaster_errors import UPCASTER_ERRORS, build_failing_upcaster

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1 import order_events_pb2 as public
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.orders.error_text import MAX_LENGTH
from ordertrail_server.schema.cases import cases, message_class, message_of, version_of
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import READERS
from ordertrail_server.schema.wire import bytes_tag, chunk, varint, varint_tag
from ordertrail_server.schema.writing import encode, encode_statement

CASES = {case.name: case for case in cases()}
PLACED = public.OrderPlaced(customer_id="c", lines=[public.OrderedLine(product_id="p", quantity=2)])
STATEMENT = v1.OrderPlaced(id=7, product_id="p", quantity=2)
NEWEST_PLACED = NEWEST["OrderPlaced"].number
passing = pytest.mark.parametrize("case", PASSING, ids=lambda case: case.name)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_version_of_every_event_has_a_reading_or_a_fault(case: FieldDescriptor) -> None:
    @settings(max_examples=40)
    @given(messages(message_of(case)))
    def has_a_reading(stored: Message) -> None:
        reading = read(build_record(chunk(bytes_tag(case.number), stored.SerializeToString())))
        assert reading is not None
        assert reading.written_version == version_of(message_of(case))
        assert (reading.event.WhichOneof("event") is None) == bool(reading.fault)
        assert (reading.event.order_id, reading.event.order_version) == ("order-1", 2)

    has_a_reading()


@passing
def test_event_with_its_public_number_reads_as_its_bytes_parse(case: FieldDescriptor) -> None:
    field = HistoryEvent.DESCRIPTOR.fields_by_number[case.number]

    @settings(max_examples=60)
    @given(messages(message_of(case)))
    def means_the_same(stored: Message) -> None:
        reading = read(build_record(chunk(bytes_tag(case.number), stored.SerializeToString())))
        assert reading is not None
        expected = message_class(message_of(field)).FromString(stored.SerializeToString())
        assert getattr(reading.event, field.name) == expected

    means_the_same()


def test_event_of_an_older_version_does_not_pass_through() -> None:
    older = read(build_record(encode_statement(STATEMENT)))
    assert older is not None
    assert (older.fault, older.passes_through) == ("", False)


@passing
def test_event_written_with_its_public_number_passes_through(case: FieldDescriptor) -> None:
    reading = read(build_record(chunk(bytes_tag(case.number), b"")))
    assert reading is not None
    assert reading.passes_through


def test_event_with_a_number_of_its_own_does_not_pass_through() -> None:
    for case in cases():
        if case.number not in HistoryEvent.DESCRIPTOR.fields_by_number:
            reading = read(build_record(chunk(bytes_tag(case.number), b"")))
            assert reading is not None
            assert not reading.passes_through, case.name


def test_public_event_has_no_bytes_of_an_old_version() -> None:
    reading = read(build_record(encode_statement(STATEMENT)))
    assert reading is not None
    expected = HistoryEvent.FromString(build_record(b""))
    expected.order_placed.CopyFrom(
        public.OrderPlaced(
            lines=[public.OrderedLine(product_id="p", quantity=2)], source=public.OrderSource(reference="7")
        )
    )
    assert reading.event.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        (
            chunk(bytes_tag(UNUSED), b""),
            f"the record holds an event of number {UNUSED}, which this release does not know",
        ),
        (chunk(bytes_tag(12), b"x"), "the record holds an event of number 12, which this release does not know"),
        (varint_tag(20) + varint(3), "the record holds an event of number 20, which this release does not know"),
        (b"", "the record holds no event"),
        (encode(PLACED) + encode_statement(STATEMENT), "the record holds more than one event"),
        (encode_statement(STATEMENT) + encode(PLACED), "the record holds more than one event"),
        (encode(PLACED) + chunk(bytes_tag(UNUSED), b""), "the record holds more than one event"),
    ],
)
def test_unreadable_event_is_a_fault_and_its_envelope_is_read(planted: bytes, fault: str) -> None:
    reading = read(build_record(planted))
    assert reading is not None
    assert (reading.fault, reading.written_version, reading.passes_through) == (fault, 0, False)
    assert reading.event == HistoryEvent.FromString(build_record(b""))


@passing
def test_new_envelope_fields_do_not_prevent_passing_through(case: FieldDescriptor) -> None:
    reading = read(chunk(bytes_tag(100), b"new") + build_record(chunk(bytes_tag(case.number), b"")))
    assert reading is not None
    assert (reading.fault, reading.passes_through) == ("", True)


def test_position_claimed_by_a_record_is_ignored() -> None:
    claim = HistoryEvent(digest=b"d", written_version=9)
    claim.position.offset = 5
    for event in (encode(PLACED), encode_statement(STATEMENT), b""):
        reading = read(build_record(event) + claim.SerializeToString())
        honest = read(build_record(event))
        assert reading is not None
        assert honest is not None
        assert reading.event == honest.event


def test_version_1_event_without_a_reading_is_a_fault_with_its_reason() -> None:
    reading = read(build_record(encode_statement(v1.OrderPlaced(product_id="p", quantity=1, unit_price=-1))))
    assert reading is not None
    assert (reading.fault, reading.written_version) == ("unitPrice -1.0 is not an amount from 0 to one trillion", 1)


def test_failing_upcaster_is_a_fault_of_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(stored: bytes, into: public.OrderPlaced) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=fail))
    reading = read(build_record(encode_statement(STATEMENT)))
    assert reading is not None
    cause = "failed with ZeroDivisionError: a defect"
    assert reading.fault == f"reading ordertrail.events.v1.OrderPlaced {cause}"
    assert reading.event == HistoryEvent.FromString(build_record(b""))


@pytest.mark.parametrize("error", UPCASTER_ERRORS.values(), ids=UPCASTER_ERRORS)
def test_exception_of_an_upcaster_becomes_a_short_printable_fault(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setitem(READERS, 10, READERS[10]._replace(read=build_failing_upcaster(error)))
    reading = read(build_record(encode_statement(STATEMENT)))
    assert reading is not None
    assert 0 < len(reading.fault) < MAX_LENGTH + 100
    assert reading.fault.encode()
    assert "\0" not in reading.fault
    assert reading.event == HistoryEvent.FromString(build_record(b""))


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"not a record",
        Record(event_id="e", order_version=1).SerializeToString(),
        build_record(encode(PLACED), order_id=""),
        build_record(encode(PLACED))[:-1],
        build_record(encode(PLACED)).replace(b"order-1", b"order-\xff"),
    ],
    ids=["nothing", "text", "without an order id", "with an empty order id", "cut short", "an id that is not UTF-8"],
)
def test_bytes_that_are_no_record_of_an_order_have_no_reading(value: bytes) -> None:
    assert read(value) is None


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_reader_accepts_any_bytes(value: bytes) -> None:
    reading = read(value)
    assert reading is None or reading.event.order_id


def test_reader_accepts_any_damaged_record() -> None:
    chance = random.Random(20)
    records = [build_record(chunk(bytes_tag(case.number), b"")) for case in cases()]
    records += [build_record(encode(PLACED)), build_record(encode_statement(STATEMENT))]
    read_anyway = 0
    for _ in range(20_000):
        value = bytearray(chance.choice(records))
        for _ in range(chance.randint(1, 4)):
            value[chance.randrange(len(value))] = chance.randrange(256)
        reading = read(bytes(value))
        read_anyway += reading is not None and not reading.fault
    assert 0 < read_anyway < 20_000


@pytest.mark.parametrize("number", [100, 150, 199])
@pytest.mark.parametrize("event_field", [encode(PLACED), encode_statement(STATEMENT)], ids=["newest", "older"])
def test_later_release_can_add_envelope_fields(number: int, event_field: bytes) -> None:
    later = build_record(event_field) + chunk(bytes_tag(number), b"said by a later release")
    today, reading = read(build_record(event_field)), read(later)
    assert today is not None
    assert reading is not None
    assert (reading.fault, reading.written_version) == ("", today.written_version)
    assert reading.event.order_placed == today.event.order_placed


NOT_UTF_8, CUT_SHORT = b"\xff", b"\x0a\x05"


@pytest.mark.parametrize(
    ("number", "version", "unsound"),
    [
        (10, 1, chunk(bytes_tag(2), NOT_UTF_8)),
        (20, 2, chunk(bytes_tag(1), NOT_UTF_8)),
        (NEWEST_PLACED, version_of(message_of(NEWEST["OrderPlaced"])), CUT_SHORT),
        (UNUSED, 0, chunk(bytes_tag(1), NOT_UTF_8)),
    ],
    ids=["older", "on the number of its public event", "newest", "of a newer release"],
)
def test_event_with_invalid_bytes_is_a_fault_and_its_envelope_is_read(
    number: int, version: int, unsound: bytes
) -> None:
    reading = read(build_record(chunk(bytes_tag(number), unsound)))
    assert reading is not None
    assert reading.fault
    assert (reading.number, reading.written_version) == (number, version)
    assert reading.event == HistoryEvent.FromString(build_record(b""))


@pytest.mark.parametrize("event", [encode(PLACED), encode_statement(STATEMENT)], ids=["newest", "older"])
def test_event_field_that_occurs_twice_is_merged_as_in_protobuf(event: bytes) -> None:
    number = 10 if event == encode_statement(STATEMENT) else NEWEST_PLACED
    in_parts = event + chunk(bytes_tag(number), chunk(bytes_tag(2), b"shop") if number == 10 else b"")
    reading, whole = read(build_record(in_parts)), Record.FromString(build_record(in_parts))
    assert reading is not None
    again = read(whole.SerializeToString())
    assert again is not None
    assert reading.event == again.event
    assert reading.fault == ""
