"""Facts as the bytes that clients receive."""

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings, strategies as st
from tests.schema.records import build_record
from tests.schema.strategies import messages

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.v1 import order_events_pb2 as public
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsResponse
from ordertrail.v1.position_pb2 import Position
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import bytes_tag, chunk, first_field
from ordertrail_server.schema.writing import encode, encode_statement

DIGEST = b"d" * 16
NEWEST = build_record(encode(public.OrderCancelled(reason="too late")))
OLDER = build_record(encode_statement(v1.OrderPlaced(product_id="p", quantity=1)))
UNKNOWN = build_record(chunk(bytes_tag(99), b"new"))


def ready(value: bytes, partition: int = 0, offset: int = 0, time: Timestamp | None = None) -> HistoryEvent:
    reading = read(value)
    assert reading is not None
    return HistoryEvent.FromString(ready_event(reading, value, "orders.events", partition, offset, DIGEST, time))


def build_expected(value: bytes, partition: int = 0, offset: int = 0) -> HistoryEvent:
    reading = read(value)
    assert reading is not None
    event = HistoryEvent()
    event.CopyFrom(reading.event)
    event.position.CopyFrom(Position(topic="orders.events", partition=partition, offset=offset))
    event.digest = DIGEST
    event.written_version = reading.written_version
    return event


@pytest.mark.parametrize("value", [NEWEST, OLDER, UNKNOWN], ids=["newest", "older", "unknown"])
@pytest.mark.parametrize(("partition", "offset"), [(0, 0), (0, 127), (3, 128), (3, 2**14), (2**31 - 1, 2**63 - 1)])
def test_ready_event_is_the_read_event_with_its_position(value: bytes, partition: int, offset: int) -> None:
    assert ready(value, partition, offset) == build_expected(value, partition, offset)


@given(messages(public.OrderPlaced.DESCRIPTOR), st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1))
@settings(max_examples=60)
def test_any_event_can_be_ready_at_any_position(event: Message, partition: int, offset: int) -> None:
    assert isinstance(event, public.OrderPlaced)
    value = build_record(encode(event))
    assert ready(value, partition, offset) == build_expected(value, partition, offset)


@given(messages(Position.DESCRIPTOR), st.binary(), st.integers(-(2**31), 2**31 - 1), st.sampled_from([NEWEST, OLDER]))
@settings(max_examples=60)
def test_position_claimed_by_a_record_is_overwritten(
    position: Message, digest: bytes, version: int, value: bytes
) -> None:
    assert isinstance(position, Position)
    claim = HistoryEvent(position=position, digest=digest, written_version=version)
    for planted in (value + claim.SerializeToString(), claim.SerializeToString() + value):
        assert ready(planted) == build_expected(value)


@given(messages(Timestamp.DESCRIPTOR), st.sampled_from([NEWEST, OLDER]))
@settings(max_examples=60)
def test_record_time_argument_replaces_the_stored_one(time: Message, value: bytes) -> None:
    assert isinstance(time, Timestamp)
    event = build_expected(value)
    event.record_time.CopyFrom(time)
    assert ready(value, time=time) == event


def test_topic_can_be_text_or_bytes() -> None:
    reading = read(NEWEST)
    assert reading is not None
    assert ready_event(reading, NEWEST, "t", 0, 0, DIGEST) == ready_event(reading, NEWEST, b"t", 0, 0, DIGEST)


def test_event_of_the_newest_version_keeps_its_stored_bytes_as_a_prefix() -> None:
    reading = read(NEWEST)
    assert reading is not None
    assert ready_event(reading, NEWEST, "t", 0, 0, DIGEST).startswith(NEWEST)


def test_joined_frames_parse_as_a_response() -> None:
    values = [NEWEST, OLDER, build_record(encode(public.OrderCancelled(reason="x" * 20_000)))]
    frame = b"".join(first_field(ready(value, 1, place).SerializeToString()) for place, value in enumerate(values))
    response = StreamOrderEventsResponse.FromString(frame)
    assert list(response.events) == [build_expected(value, 1, place) for place, value in enumerate(values)]
