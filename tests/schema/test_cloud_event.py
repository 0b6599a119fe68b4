"""A record or submitted command as a CloudEvent in binary mode."""

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.events.v2.order_events_pb2 import OrderConfirmed
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.log.v1.submitted_command_pb2 import SubmittedCommand
from ordertrail_server.schema.cloud_event import command_headers_of, headers_of


def test_attributes_come_from_the_record() -> None:
    record = Record(
        event_id="0197f0b2-7a3c-7c9e-9b0a-5f1d2e3c4b5a",
        order_id="order-1",
        record_time=Timestamp(seconds=1_700_000_000, nanos=123_456_000),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        order_confirmed_v2=OrderConfirmed(),
    )
    assert dict(headers_of(record.SerializeToString())) == {
        "ce_specversion": "1.0",
        "ce_id": "0197f0b2-7a3c-7c9e-9b0a-5f1d2e3c4b5a",
        "ce_source": "/ordertrail",
        "ce_type": "ordertrail.events.v2.OrderConfirmed",
        "ce_subject": "order-1",
        "ce_time": "2023-11-14T22:13:20.123456000Z",
        "content-type": "application/protobuf",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def test_event_of_a_newer_release_has_an_unnamed_type() -> None:
    from_the_future = Record(event_id="e", order_id="order-1").SerializeToString() + b"\xa2\x06\x00"
    assert dict(headers_of(from_the_future))["ce_type"] == "ordertrail.log.v1.Record"


def test_absent_field_of_the_record_has_no_header() -> None:
    headers = dict(headers_of(Record(event_id="e", order_id="order-1").SerializeToString()))
    assert "ce_time" not in headers
    assert "traceparent" not in headers


def test_time_outside_of_the_calendar_has_no_header() -> None:
    for seconds in (-(1 << 62), 1 << 62):
        record = Record(event_id="e", order_id="order-1", record_time=Timestamp(seconds=seconds))
        assert "ce_time" not in dict(headers_of(record.SerializeToString()))


def test_bytes_that_are_no_record_have_no_headers() -> None:
    assert headers_of(b"\xff") == headers_of(b"") == []


def test_attributes_come_from_the_submitted_command() -> None:
    command = SubmittedCommand(
        command_id="c-1",
        order_id="order-1",
        submit_time=Timestamp(seconds=1_700_000_000),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    assert dict(command_headers_of(command.SerializeToString())) == {
        "ce_specversion": "1.0",
        "ce_id": "c-1",
        "ce_source": "/ordertrail",
        "ce_type": "ordertrail.log.v1.SubmittedCommand",
        "ce_subject": "order-1",
        "ce_time": "2023-11-14T22:13:20.000000000Z",
        "content-type": "application/protobuf",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }


def test_bytes_that_are_no_submitted_command_have_no_headers() -> None:
    assert command_headers_of(b"\xff") == command_headers_of(b"") == []
