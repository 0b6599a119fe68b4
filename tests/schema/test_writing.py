"""Public events as they are stored."""

from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.schema.event_cases import NEWEST, PASSING
from tests.schema.records import build_record
from tests.schema.strategies import messages

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1 import order_events_pb2 as public
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail_server.schema.cases import message_class, message_of, public_events, version_of
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.registry import PUBLIC as HOPS
from ordertrail_server.schema.samples import samples
from ordertrail_server.schema.writing import encode, encode_statement, seal

PUBLIC = {field.name: message_of(field) for field in public_events().values()}
# A Python function need not write fields that no command sets. The check at start tries the others.
BY_RULES = {
    hop.public.name: message_of(hop.public)
    for hop in HOPS.hops.values()
    if hop.writes is not None and hop.writes.function is None
}


@pytest.mark.parametrize(("field", "kind"), BY_RULES.items(), ids=BY_RULES)
def test_public_event_written_by_rules_reads_back_as_itself(field: str, kind: Descriptor) -> None:
    newest = NEWEST[kind.name]
    expected = (version_of(message_of(newest)), "", newest in PASSING)

    @settings(max_examples=40)
    @given(messages(kind))
    def reads_back(event: public.OrderPlaced) -> None:
        reading = read(build_record(encode(event)))
        assert reading is not None
        assert (reading.written_version, reading.fault, reading.passes_through) == expected
        assert reading.event.WhichOneof("event") == field
        assert getattr(reading.event, field) == event

    reads_back()


@pytest.mark.parametrize("kind", PUBLIC.values(), ids=PUBLIC)
def test_public_event_is_stored_in_the_newest_version(kind: Descriptor) -> None:
    event: Any = next(samples(kind))
    assert Record.FromString(build_record(encode(event))).WhichOneof("event") == NEWEST[kind.name].name


@pytest.mark.parametrize("case", PASSING, ids=lambda case: case.name)
def test_event_that_passes_through_is_stored_with_its_public_bytes(case: FieldDescriptor) -> None:
    @settings(max_examples=40)
    @given(messages(PUBLIC[HistoryEvent.DESCRIPTOR.fields_by_number[case.number].name]))
    def is_stored(event: Any) -> None:
        stored = getattr(Record.FromString(build_record(encode(event))), case.name)
        assert stored == message_class(message_of(case)).FromString(event.SerializeToString())

    is_stored()


def test_statement_is_stored_in_its_own_version() -> None:
    statement = v1.OrderPlaced(id=0, product_id="p_1", quantity=0, unit_price=0)
    assert Record.FromString(build_record(encode_statement(statement))).order_placed_v1 == statement


def test_envelope_has_every_given_value() -> None:
    record = Record.FromString(build_record(encode(public.OrderConfirmed())))
    assert record.event_id == "01890a5d-ac96-774b-bcce-b302099a8057"
    assert (record.order_id, record.order_version, record.previous) == ("order-1", 2, b"p" * 16)
    assert record.record_time == Timestamp(seconds=1_700_000_000, nanos=5)
    assert (record.cause.request_id, record.cause.command_digest) == ("request-1", b"c" * 16)
    assert (record.cause.origin, record.actor) == ("file:1", "someone")
    assert record.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@given(st.integers(-62_135_596_800_000_000_000, 253_402_300_799_999_999_999))
@settings(max_examples=50)
def test_record_time_has_nanoseconds_also_before_1970(nanoseconds: int) -> None:
    record = Record.FromString(_bare(nanoseconds))
    assert record.record_time.ToNanoseconds() == nanoseconds


def test_empty_envelope_values_are_stored_as_absent_fields() -> None:
    record = Record.FromString(_bare(0))
    statement = {field.name for field, _ in record.ListFields()}
    assert statement == {"event_id", "order_id", "order_version", "record_time", "cause", NEWEST["OrderConfirmed"].name}
    assert not record.cause.ListFields()


def _bare(record_time_ns: int) -> bytes:
    return seal(
        event_id="e",
        order_id="o",
        order_version=1,
        previous=b"",
        record_time_ns=record_time_ns,
        request_id="",
        command_digest=b"",
        origin="",
        actor="",
        traceparent="",
        chunk=encode(public.OrderConfirmed()),
    )
