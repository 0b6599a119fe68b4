"""The proof finds what is missing, and says it in plain words."""

from collections.abc import Callable
from time import perf_counter

import pytest
from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderedLine, OrderPlaced, OrderReturned
from ordertrail_server.schema import writing
from ordertrail_server.schema.gaps import envelope_gaps, hop_gaps, newest_gaps, number_gaps
from ordertrail_server.schema.proof import SchemaIncompleteError, prove
from ordertrail_server.schema.registry import HOPS
from ordertrail_server.schema.upcasting import Hop
from ordertrail_server.schema.v1 import order_placed
from ordertrail_server.schema.wire import bytes_tag
from ordertrail_server.schema.wire_shape import shape_gaps

RECORD: Descriptor = Record.DESCRIPTOR
HISTORY_EVENT: Descriptor = HistoryEvent.DESCRIPTOR

Change = Callable[[FileDescriptorProto], object]


def altered(message: Descriptor, change: Change) -> Descriptor:
    """Return the message as it would be if its file had been written otherwise."""
    pool = DescriptorPool()
    _add(pool, message.file, message.file.name, change)
    return pool.FindMessageTypeByName(message.full_name)


def _add(pool: DescriptorPool, file: FileDescriptor, changed: str, change: Change) -> None:
    for needed in file.dependencies:
        _add(pool, needed, changed, change)
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    if file.name == changed:
        change(proto)
    pool.Add(proto)


def field(file: FileDescriptorProto, message: str, number: int) -> FieldDescriptorProto:
    return next(found for of in file.message_type if of.name == message for found in of.field if found.number == number)


def renumbered(message: str, old: int, new: int) -> Change:
    return lambda file: setattr(field(file, message, old), "number", new)


def retyped(message: str, number: int, kind: "FieldDescriptorProto.Type.ValueType") -> Change:
    return lambda file: setattr(field(file, message, number), "type", kind)


def renamed(message: str, number: int, name: str) -> Change:
    return lambda file: setattr(field(file, message, number), "name", name)


def single(message: str, number: int) -> Change:
    return lambda file: setattr(field(file, message, number), "label", FieldDescriptorProto.LABEL_OPTIONAL)


def test_today_nothing_is_missing_and_the_proof_is_quick() -> None:
    start = perf_counter()
    prove()
    assert perf_counter() - start < 0.05


def test_an_event_without_an_upcaster_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(HOPS, v1.OrderCreated)
    with pytest.raises(SchemaIncompleteError) as incomplete:
        prove()
    gap = "ordertrail.events.v1.OrderCreated reads neither as another version nor as a public event"
    assert incomplete.value.gaps == [gap]
    assert gap in str(incomplete.value)


def test_an_old_version_that_passes_for_the_newest_stops_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(HOPS, v1.OrderPlaced)
    with pytest.raises(SchemaIncompleteError) as incomplete:
        prove()
    assert "ordertrail.v1.OrderPlaced must have one newest stored version, and has 2" in incomplete.value.gaps
    assert len(incomplete.value.gaps) > 1


@pytest.mark.parametrize(
    ("hop", "gap"),
    [
        (
            Hop(OrderPlaced, order_placed),
            "ordertrail.events.v1.OrderPlaced reads as ordertrail.v1.OrderPlaced, but a record cannot hold both",
        ),
        (
            Hop(v1.OrderCreated, order_placed),
            "ordertrail.events.v1.OrderPlaced reads as ordertrail.events.v1.OrderCreated, which is no later version",
        ),
    ],
)
def test_a_hop_that_leads_nowhere_or_back_is_found(hop: Hop, gap: str) -> None:
    assert hop_gaps(RECORD, {**HOPS, v1.OrderPlaced: hop}) == [gap]


def test_a_public_event_that_nothing_is_stored_as_is_found() -> None:
    record = altered(RECORD, lambda file: message_without(file, 25))
    assert newest_gaps(record, HISTORY_EVENT, HOPS) == [
        "ordertrail.v1.OrderConfirmed must have one newest stored version, and has 0"
    ]


def message_without(file: FileDescriptorProto, number: int) -> None:
    record = next(found for found in file.message_type if found.name == "Record")
    record.field.remove(field(file, "Record", number))


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        (
            retyped("Record", 3, FieldDescriptorProto.TYPE_SINT64),
            "ordertrail.log.v1.Record.order_version and ordertrail.v1.HistoryEvent.order_version are not of one type",
        ),
        (
            renamed("Record", 7, "teller"),
            "ordertrail.log.v1.Record.teller and ordertrail.v1.HistoryEvent.actor have one number but two names",
        ),
        (
            renumbered("Record", 8, 9),
            "ordertrail.log.v1.Record and ordertrail.v1.HistoryEvent do not both have a field 8",
        ),
        (renumbered("Cause", 3, 4), "ordertrail.v1.Cause has a field 3, ordertrail.log.v1.Cause has none"),
    ],
)
def test_an_envelope_that_does_not_pass_as_it_is_stored_is_found(change: Change, gap: str) -> None:
    assert gap in envelope_gaps(altered(RECORD, change), HISTORY_EVENT)


@pytest.mark.parametrize(("old", "new"), [(21, 19), (25, 12), (25, 30)])
def test_an_event_may_have_any_number_that_the_public_event_does_not_use(old: int, new: int) -> None:
    def change(file: FileDescriptorProto) -> None:
        renumbered("Record", old, new)(file)
        next(found for found in file.message_type if found.name == "Record").ClearField("reserved_range")

    assert number_gaps(altered(RECORD, change), HISTORY_EVENT) == []


@pytest.mark.parametrize(("old", "new"), [(10, 17), (10, 16)])
def test_an_event_on_a_number_that_is_another_thing_in_public_is_found(old: int, new: int) -> None:
    def change(file: FileDescriptorProto) -> None:
        renumbered("Record", old, new)(file)
        next(found for found in file.message_type if found.name == "Record").ClearField("reserved_range")

    assert number_gaps(altered(RECORD, change), HISTORY_EVENT) == [
        f"ordertrail.log.v1.Record.order_placed_v1 has the number {new}, "
        "which is another thing in ordertrail.v1.HistoryEvent"
    ]


def test_two_events_that_changed_their_numbers_are_found() -> None:
    def swap(file: FileDescriptorProto) -> None:
        one, other = field(file, "Record", 28), field(file, "Record", 29)
        one.number, other.number = other.number, one.number

    assert number_gaps(altered(RECORD, swap), HISTORY_EVENT) == [
        "ordertrail.log.v1.Record.order_returned_v2 has the number 28, "
        "which is another thing in ordertrail.v1.HistoryEvent",
        "ordertrail.log.v1.Record.order_cancelled_v2 has the number 29, "
        "which is another thing in ordertrail.v1.HistoryEvent",
    ]


STORED_LINE = "ordertrail.events.v2.OrderedLine"


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        (
            renumbered("OrderedLine", 2, 9),
            f"ordertrail.v1.OrderedLine has a field 2, {STORED_LINE} has none",
        ),
        (
            retyped("OrderedLine", 2, FieldDescriptorProto.TYPE_FIXED64),
            f"{STORED_LINE}.quantity and ordertrail.v1.OrderedLine.quantity are not of one type",
        ),
        (
            single("OrderPlaced", 2),
            "ordertrail.events.v2.OrderPlaced.lines and ordertrail.v1.OrderPlaced.lines are not repeated alike",
        ),
        (
            lambda file: setattr(file.enum_type[0].value[7], "number", 8),
            "ordertrail.events.v2.OrderSource.status and ordertrail.v1.OrderSource.status do not know the same values",
        ),
    ],
)
def test_a_newest_event_of_another_wire_shape_is_found_however_deep(change: Change, gap: str) -> None:
    assert gap in shape_gaps(altered(v2.OrderPlaced.DESCRIPTOR, change), OrderPlaced.DESCRIPTOR)


def test_an_event_that_is_written_as_another_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(writing._NEWEST_TAG, OrderReturned, bytes_tag(28))
    with pytest.raises(SchemaIncompleteError) as incomplete:
        prove()
    assert incomplete.value.gaps == [
        "ordertrail.v1.OrderReturned, written as ordertrail.log.v1.Record.order_returned_v2, "
        "does not read back as itself"
    ]


def test_presence_is_no_difference_on_the_wire() -> None:
    assert v2.OrderedLine.DESCRIPTOR.fields_by_name["quantity"].has_presence
    assert not OrderedLine.DESCRIPTOR.fields_by_name["quantity"].has_presence
    assert shape_gaps(v2.OrderedLine.DESCRIPTOR, OrderedLine.DESCRIPTOR) == []
