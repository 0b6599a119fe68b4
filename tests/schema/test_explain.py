"""The explanation of an event matches its reading."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from hypothesis import given, settings, strategies as st
from tests.corpus.add import CORPUS
from tests.schema.event_cases import UNUSED, list_versions
from tests.schema.records import build_record
from tests.schema.strategies import messages

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.schema.cases import cases, message_of
from ordertrail_server.schema.explanation import explain_reading
from ordertrail_server.schema.hops.json_text import to_json_value
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.wire import bytes_tag, chunk
from ordertrail_server.schema.writing import encode_statement

SAMPLES = sorted(CORPUS.glob("v*/*.binpb"))
CASES = {case.name: case for case in cases()}
STATEMENT = v1.OrderPlaced(
    id=7, company="c", product_id="p", quantity=2, unit_price=1.5, timestamp=3, other_json='{"a":1}'
)


def stored_event(value: bytes) -> Any:
    record = Record.FromString(value)
    return getattr(record, record.WhichOneof("event") or "")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_explanation_of_a_sample_matches_its_reading(sample: Path) -> None:
    value = sample.read_bytes()
    reading, explanation = read(value), explain_reading(value)
    assert reading is not None
    event = getattr(reading.event, reading.event.WhichOneof("event") or "")
    stored = stored_event(value)
    assert explanation.written_as == stored.DESCRIPTOR.full_name
    assert Parse(explanation.written_json, type(stored)()) == stored
    last = explanation.steps[-1].result_json if explanation.steps else explanation.written_json
    assert Parse(last, type(event)()) == event
    assert bool(explanation.steps) == (not reading.passes_through)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_explanation_of_every_event_matches_its_reading(case: FieldDescriptor) -> None:
    @settings(max_examples=25)
    @given(messages(message_of(case)))
    def is_told(stored: Message) -> None:
        value = build_record(chunk(bytes_tag(case.number), stored.SerializeToString()))
        reading, explanation = read(value), explain_reading(value)
        assert reading is not None
        assert explanation.written_as == message_of(case).full_name
        public = getattr(reading.event, reading.event.WhichOneof("event") or "", None)
        if public is not None and explanation.steps:
            assert json.loads(explanation.steps[-1].result_json) == to_json_value(public)
            assert explanation.steps[-1].to == public.DESCRIPTOR.full_name

    is_told()


def test_explanation_of_a_statement_has_one_step_per_hop() -> None:
    explanation = explain_reading(build_record(encode_statement(STATEMENT)))
    way = [*(message_of(case).full_name for case in list_versions("OrderPlaced")), "ordertrail.v1.OrderPlaced"]
    assert way[:2] == ["ordertrail.events.v1.OrderPlaced", "ordertrail.events.v2.OrderPlaced"]
    assert [(getattr(step, "from"), step.to) for step in explanation.steps] == list(pairwise(way))
    up, out = explanation.steps[0], explanation.steps[-1]
    assert [(rule.rule, rule.value_json) for rule in up.rules] == [("python v1.order_placed", up.result_json)]
    assert json.loads(up.result_json)["lines"] == [
        {"product_id": "p", "quantity": "2", "unit_price": {"currency_code": "XXX", "units": "1", "nanos": 500_000_000}}
    ]
    assert {rule.to for rule in out.rules} == {"customer_id", "lines", "source"}
    for rule in out.rules:
        assert json.loads(rule.value_json) == json.loads(out.result_json)[rule.to]


def test_explanation_ends_where_the_reading_fails() -> None:
    value = build_record(encode_statement(v1.OrderPlaced(product_id="p")))
    reading, explanation = read(value), explain_reading(value)
    assert reading is not None
    assert reading.fault == "quantity is missing"
    assert (explanation.written_as, explanation.steps) == ("ordertrail.events.v1.OrderPlaced", [])
    assert json.loads(explanation.written_json) == {"product_id": "p"}


def test_explanation_shows_a_time_outside_of_the_calendar_as_text() -> None:
    placed = v2.OrderPlaced()
    placed.source.create_time.seconds = 2**62
    explanation = explain_reading(build_record(chunk(bytes_tag(20), placed.SerializeToString())))
    assert str(2**62) in json.loads(explanation.written_json)


@pytest.mark.parametrize(
    "planted", [b"", chunk(bytes_tag(UNUSED), b""), chunk(bytes_tag(20), b"") + chunk(bytes_tag(10), b"")]
)
def test_bytes_that_are_not_one_known_event_have_no_explanation(planted: bytes) -> None:
    assert explain_reading(build_record(planted)) == ("", "", [])


def test_event_with_invalid_bytes_is_explained_by_its_name_only() -> None:
    assert explain_reading(build_record(chunk(bytes_tag(20), b"\xff"))) == ("ordertrail.events.v2.OrderPlaced", "", [])


@settings(max_examples=300)
@given(st.binary(max_size=60), st.sampled_from([case.number for case in cases()]))
def test_explanation_accepts_any_bytes(noise: bytes, number: int) -> None:
    assert all(isinstance(step.result_json, str) for step in explain_reading(noise).steps)
    assert isinstance(explain_reading(build_record(chunk(bytes_tag(number), noise))).written_as, str)
