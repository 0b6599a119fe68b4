"""The proof reports each gap between a record and the public events, with a remedy."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from tests.schema.edited_protos import LATEST, record_after
from tests.schema.event_cases import NEWEST, UNUSED

from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderReturned
from ordertrail_server.schema import writing
from ordertrail_server.schema.families import Families
from ordertrail_server.schema.proof.schema_check import SchemaIncompleteError, check_readings, gaps_of
from ordertrail_server.schema.public_hops import PublicHops
from ordertrail_server.schema.wire import bytes_tag

LOG, EVENTS, FIRST = "ordertrail.log.v1", "ordertrail.events.v2", "ordertrail.events.v1"
FIELD = FieldDescriptorProto

Change = Callable[[DescriptorProto], object]


def gaps_after(package: str, message: str, change: Change, newest: int = 2) -> list[str]:
    """Return the gaps after a change of a message that records contain."""
    name = f"{package.removeprefix('ordertrail.')}.{message}"
    return gaps_of_record(record_after(lambda protos: change(protos.message(name)), newest))


def gaps_of_record(record: Descriptor) -> list[str]:
    families, history_event = Families(record), HistoryEvent.DESCRIPTOR
    return gaps_of(record, history_event, families, PublicHops(families, record, history_event))


def field(message: DescriptorProto, number: int) -> FieldDescriptorProto:
    return next(field_proto for field_proto in message.field if field_proto.number == number)


def renumber_field(old: int, new: int) -> Change:
    def change(message: DescriptorProto) -> None:
        message.ClearField("reserved_range")
        field(message, old).number = new

    return change


def retype_field(number: int, kind: "FieldDescriptorProto.Type.ValueType") -> Change:
    return lambda message: setattr(field(message, number), "type", kind)


def rename_field(number: int, name: str) -> Change:
    return lambda message: setattr(field(message, number), "name", name)


def remove_field(number: int) -> Change:
    return lambda message: message.field.remove(field(message, number))


def replace_rules(**rules: Any) -> Change:
    """Return the change that replaces the rules of a message."""

    def change(message: DescriptorProto) -> None:
        message.options.Extensions[rules_pb2.message].Clear()
        message.options.Extensions[rules_pb2.message].MergeFrom(rules_pb2.MessageRules(**rules))

    return change


BOTH_FIRST = [f"{FIRST}.OrderPlaced", f"{FIRST}.OrderCreated"]


def test_our_schema_has_no_gap() -> None:
    check_readings()
    assert gaps_of_record(Record.DESCRIPTOR) == []


@pytest.mark.parametrize(
    ("package", "message", "change", "gap"),
    [
        (
            *(LOG, "Record", retype_field(3, FIELD.TYPE_SINT64)),
            "ordertrail.log.v1.Record.order_version and ordertrail.v1.HistoryEvent.order_version have different types",
        ),
        (
            *(LOG, "Record", rename_field(7, "teller")),
            "ordertrail.log.v1.Record.teller and ordertrail.v1.HistoryEvent.actor "
            "have the same number but different names",
        ),
        (
            *(LOG, "Record", renumber_field(8, 101)),
            "ordertrail.log.v1.Record and ordertrail.v1.HistoryEvent do not both have a field 8",
        ),
        (*(LOG, "Cause", renumber_field(3, 4)), "ordertrail.v1.Cause has a field 3, ordertrail.log.v1.Cause has none"),
        (
            *(LOG, "Record", renumber_field(10, 16)),
            "ordertrail.log.v1.Record.order_placed_v1 has the number 16, which is another thing in",
        ),
        (
            *(LOG, "Record", renumber_field(25, 109)),
            "ordertrail.log.v1.Record.order_confirmed_v2 has the number 109, which is the envelope's",
        ),
        (
            *(LOG, "Record", remove_field(25)),
            "ordertrail.v1.OrderConfirmed has no stored version: add one to ordertrail.log.v1.Record",
        ),
        (
            *(EVENTS, "OrderPlaced", replace_rules(**{"from": BOTH_FIRST[:1], "python": ["v1.order_placed"]})),
            f"{FIRST}.OrderCreated has neither a successor nor a public event: set `from` on its successor",
        ),
        (
            *(EVENTS, "OrderPlaced", replace_rules()),
            f"ordertrail.v1.OrderPlaced has two newest versions, {FIRST}.OrderPlaced and {EVENTS}.OrderPlaced: "
            "set `from` on the newer one",
        ),
        (
            *(EVENTS, "OrderPlaced", replace_rules(**{"from": BOTH_FIRST, "python": ["v1.order_placed"]})),
            f"{FIRST}.OrderCreated.items is lost in {EVENTS}.OrderPlaced: read it with `from`, or list it in `dropped`",
        ),
        (
            *(EVENTS, "OrderReturned", replace_rules(retired=True)),
            f"{EVENTS}.OrderReturned is `retired`, but commands lead to ordertrail.v1.OrderReturned",
        ),
        (
            *(EVENTS, "OrderedLine", rename_field(2, "count")),
            "ordertrail.v1.OrderedLine.quantity has no field of ordertrail.events.v2.OrderedLine as its source",
        ),
        (
            *(EVENTS, "OrderShipped", remove_field(1)),
            "ordertrail.v1.OrderShipped.lines has no field of ordertrail.events.v2.OrderShipped as its source",
        ),
        (
            *(EVENTS, "OrderCancelled", lambda message: message.field.add(name="by", number=2, type=9, label=1)),
            f"{EVENTS}.OrderCancelled.by must be optional, so that a fact distinguishes absent from zero",
        ),
        (
            *(EVENTS, "OrderCancelled", lambda message: message.field.add(name="by", number=2, type=9, label=3)),
            f"{EVENTS}.OrderCancelled.by is not part of the public event: add it to ordertrail.v1.OrderCancelled",
        ),
    ],
)
def test_each_missing_part_of_a_schema_is_a_gap(package: str, message: str, change: Change, gap: str) -> None:
    assert [field_proto for field_proto in gaps_after(package, message, change) if field_proto.startswith(gap)]


@pytest.mark.parametrize("new", [12, UNUSED, 99, 200])
def test_event_can_have_any_free_number(new: int) -> None:
    assert gaps_after(LOG, "Record", renumber_field(25, new), LATEST) == []


def test_two_events_with_exchanged_numbers_are_a_gap() -> None:
    def swap(record: DescriptorProto) -> None:
        field_proto, second_field = field(record, 28), field(record, 29)
        field_proto.number, second_field.number = second_field.number, field_proto.number

    gaps = gaps_after(LOG, "Record", swap, LATEST)
    assert {gap.partition(" has the number ")[0] for gap in gaps} == {
        "ordertrail.log.v1.Record.order_returned_v2",
        "ordertrail.log.v1.Record.order_cancelled_v2",
    }


def test_event_that_is_written_as_another_one_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(writing._NEWEST, OrderReturned, (bytes_tag(28), writing._NEWEST[OrderReturned][1]))
    with pytest.raises(SchemaIncompleteError) as incomplete:
        check_readings()
    gap = (
        f"ordertrail.v1.OrderReturned, written as {NEWEST['OrderReturned'].full_name}, "
        "changes in a round trip: it is order_cancelled; make the writing function the inverse of the reading one"
    )
    assert incomplete.value.gaps == [gap]
    assert gap in str(incomplete.value)
