"""What is written is tried on messages that say all they can; whatever a writer does, the proof says what mends it."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.struct_pb2 import Struct, Value

from ordertrail.v1.commands_pb2 import CommandResult
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderPlaced, OrderReturned
from ordertrail_server.schema import writing
from ordertrail_server.schema.proof import SchemaIncompleteError, prove
from ordertrail_server.schema.round_trip import round_trip_gaps, samples

RETURNED = "ordertrail.v1.OrderReturned, written as ordertrail.log.v1.Record.order_returned_v2,"


def tangled(count: int) -> Descriptor:
    """Return a message of a few that each hold lists of all of them."""
    names = [f"Node{number}" for number in range(count)]
    repeated, message = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
    fields = [
        FieldDescriptorProto(name=name.lower(), number=number, label=repeated, type=message, type_name=f".{name}")
        for number, name in enumerate(names, 1)
    ]
    pool = DescriptorPool()
    nodes = [DescriptorProto(name=name, field=fields) for name in names]
    pool.Add(FileDescriptorProto(name="tangled.proto", syntax="proto3", message_type=nodes))
    return pool.FindMessageTypeByName(names[0])


def test_a_sample_says_something_in_every_field() -> None:
    [sample] = samples(OrderPlaced.DESCRIPTOR)
    placed = OrderPlaced.FromString(sample.SerializeToString())
    assert {field.name for field, _ in placed.ListFields()} == set(OrderPlaced.DESCRIPTOR.fields_by_name)
    assert [line.unit_price.units != 0 for line in placed.lines] == [True, True]


def test_each_member_of_a_oneof_is_in_a_sample_also_of_one_within_another() -> None:
    made: list[Any] = list(samples(CommandResult.DESCRIPTOR))
    events = [result.receipt.event.WhichOneof("event") for result in made if result.HasField("receipt")]
    assert sorted(events) == sorted(field.name for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields)
    assert any(result.HasField("status") for result in made)


def test_a_map_has_an_entry_and_a_message_within_itself_is_left_empty() -> None:
    made: list[Any] = list(samples(Struct.DESCRIPTOR))
    kinds = [value.WhichOneof("kind") for struct in made for value in struct.fields.values()]
    assert sorted(kinds) == sorted(field.name for field in Value.DESCRIPTOR.oneofs_by_name["kind"].fields)
    [inner] = [value for struct in made for value in struct.fields.values() if value.HasField("struct_value")]
    assert inner.struct_value == Struct()


def test_messages_that_hold_each_other_make_a_sample_of_some_kilobytes() -> None:
    [sample] = samples(tangled(4))
    assert 0 < sample.ByteSize() < 10_000


def fails(_event: object) -> bytes:
    raise ZeroDivisionError("no share of it")


@pytest.mark.parametrize(
    ("write", "gap"),
    [
        (fails, f"{RETURNED} cannot be written: ZeroDivisionError: no share of it; correct what writes it"),
        (lambda _: b"\xff", f"{RETURNED} cannot be read back: its bytes are no event of its type; correct what"),
        (lambda _: b"", f"{RETURNED} does not read back as itself: let what writes it be the inverse of what reads it"),
    ],
)
def test_whatever_what_writes_does_it_is_a_gap_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[object], bytes], gap: str
) -> None:
    tag, _ = writing._NEWEST[OrderReturned]
    monkeypatch.setitem(writing._NEWEST, OrderReturned, (tag, write))
    with pytest.raises(SchemaIncompleteError) as incomplete:
        prove()
    assert [found[: len(gap)] for found in incomplete.value.gaps] == [gap]


def test_an_event_that_nothing_writes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(writing._NEWEST, OrderReturned)
    [gap] = round_trip_gaps()
    assert gap.startswith(f"{RETURNED} cannot be written: KeyError")
