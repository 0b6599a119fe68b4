"""Events as JSON are what protobuf's json_format prints, and also exist where that raises an error."""

from json import loads
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from tests.corpus.test_corpus import SAMPLES

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderPlaced, OrderSource
from ordertrail_server.schema.message_json import _fields_of, message_json
from ordertrail_server.schema.reading import read

AFTER_9999 = Timestamp(seconds=253_402_300_800, nanos=5)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_event_is_printed_as_json_format_prints_it(sample: Path) -> None:
    reading = read(sample.read_bytes())
    assert reading is not None
    assert loads(message_json(reading.event)) == MessageToDict(reading.event)


def test_every_field_of_an_event_can_be_printed() -> None:
    def visit(descriptor: Descriptor) -> None:
        _fields_of(descriptor)
        for field in descriptor.fields:
            if field.message_type is not None:
                visit(field.message_type)

    visit(HistoryEvent.DESCRIPTOR)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (OrderSource(create_time=AFTER_9999), {"createTime": {"seconds": "253402300800", "nanos": 5}}),
        (OrderSource(status=77), {"status": 77}),  # type: ignore[arg-type]  # no number of the enum
        (OrderPlaced(customer_id=""), {"customerId": ""}),
        (HistoryEvent(digest=b"\xff\0"), {"digest": "/wA="}),
    ],
    ids=["a time after 9999", "an unknown status", "an empty text", "bytes"],
)
def test_value_that_another_producer_recorded_is_printed(message: Message, expected: object) -> None:
    assert loads(message_json(message)) == expected
