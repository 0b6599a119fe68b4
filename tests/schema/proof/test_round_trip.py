"""The round trip writes and reads full samples, and reports each fault with a remedy."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.struct_pb2 import Struct, Value
from tests.schema.event_cases import NEWEST

from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail.v1.commands_pb2 import CommandResult
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderPlaced, OrderReturned
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_CANCELLED, OrderStatus
from ordertrail_server.schema import writing
from ordertrail_server.schema.cases import message_of
from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.functions import Function
from ordertrail_server.schema.proof.edge_samples import edge_samples
from ordertrail_server.schema.proof.round_trip import round_trip_gaps
from ordertrail_server.schema.proof.schema_check import SchemaIncompleteError, check_readings
from ordertrail_server.schema.registry import PUBLIC
from ordertrail_server.schema.samples import samples

PLACED = "ordertrail.v1.OrderPlaced, written as ordertrail.log.v1.Record.order_placed_v2,"
RETURNED = "ordertrail.v1.OrderReturned, written as ordertrail.log.v1.Record.order_returned_v2,"

writing_version_2 = pytest.mark.skipif(
    message_of(NEWEST["OrderPlaced"]) != v2.OrderPlaced.DESCRIPTOR,
    reason="the functions here write version 2, and only the newest version is written",
)


def build_recursive_message(count: int) -> Descriptor:
    """Return one of several messages that each have lists of all of them."""
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


def test_sample_sets_every_field() -> None:
    [sample] = samples(OrderPlaced.DESCRIPTOR)
    placed = OrderPlaced.FromString(sample.SerializeToString())
    assert {field.name for field, _ in placed.ListFields()} == set(OrderPlaced.DESCRIPTOR.fields_by_name)
    assert [line.unit_price.units != 0 for line in placed.lines] == [True, True]


def test_each_member_of_a_oneof_is_in_a_sample_also_of_nested_ones() -> None:
    all_samples: list[Any] = list(samples(CommandResult.DESCRIPTOR))
    events = [result.receipt.event.WhichOneof("event") for result in all_samples if result.HasField("receipt")]
    assert sorted(events) == sorted(field.name for field in HistoryEvent.DESCRIPTOR.oneofs_by_name["event"].fields)
    assert any(result.HasField("status") for result in all_samples)


def test_sample_has_map_entries_and_leaves_recursive_messages_empty() -> None:
    all_samples: list[Any] = list(samples(Struct.DESCRIPTOR))
    kinds = [value.WhichOneof("kind") for struct in all_samples for value in struct.fields.values()]
    assert sorted(kinds) == sorted(field.name for field in Value.DESCRIPTOR.oneofs_by_name["kind"].fields)
    [inner] = [value for struct in all_samples for value in struct.fields.values() if value.HasField("struct_value")]
    assert inner.struct_value == Struct()


def test_sample_of_mutually_recursive_messages_is_small() -> None:
    [sample] = samples(build_recursive_message(4))
    assert 0 < sample.ByteSize() < 10_000


def fails(_event: object) -> bytes:
    raise ZeroDivisionError("no share of it")


@pytest.mark.parametrize(
    ("write", "gap"),
    [
        (
            fails,
            f"{RETURNED} cannot be written: ZeroDivisionError: no share of it; correct the function that writes it",
        ),
        (
            lambda _: b"\xff",
            f"{RETURNED} cannot be read back: its bytes are not an event of its type; correct the function",
        ),
        (
            lambda _: b"",
            f'{RETURNED} changes in a round trip: reason was "reason", and is absent; '
            "make the writing function the inverse of the reading one",
        ),
    ],
)
def test_each_fault_of_a_writing_function_is_a_gap_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[object], bytes], gap: str
) -> None:
    tag, _ = writing._NEWEST[OrderReturned]
    monkeypatch.setitem(writing._NEWEST, OrderReturned, (tag, write))
    with pytest.raises(SchemaIncompleteError) as incomplete:
        check_readings()
    assert [gap_text[: len(gap)] for gap_text in incomplete.value.gaps] == [gap]


def test_event_that_nothing_writes_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(writing._NEWEST, OrderReturned)
    [gap] = round_trip_gaps()
    assert gap.startswith(f"{RETURNED} cannot be written: KeyError")


def test_edge_samples_cover_all_enum_values_absent_fields_and_bounds() -> None:
    [full] = samples(OrderPlaced.DESCRIPTOR)
    edges = {edge.difference: OrderPlaced.FromString(edge.message.SerializeToString()) for edge in edge_samples(full)}
    statuses = [edges.pop(f"with {value.name}").source.status for value in OrderStatus.DESCRIPTOR.values]
    assert statuses == OrderStatus.values()
    smallest, largest = edges.pop("with its least numbers"), edges.pop("with its largest numbers")
    samples_without_a_value = list(edges.values())
    assert not edges["without ordertrail.v1.OrderPlaced.customer_id"].HasField("customer_id")
    assert [edge.HasField("customer_id") for edge in samples_without_a_value].count(False) == 2
    assert [edge.lines[1].HasField("unit_price") for edge in samples_without_a_value].count(False) == 2
    assert [edge.source.HasField("status") for edge in samples_without_a_value].count(
        False
    ) == 3  # once with its source, once with all
    assert [(line.quantity, line.unit_price.units) for line in smallest.lines] == [(1, 0)] * 2
    assert (smallest.HasField("customer_id"), smallest.customer_id) == (True, "")
    assert [(line.quantity, line.unit_price.units) for line in largest.lines] == [(1_000_000, 10**12)] * 2
    assert (largest.expected_delivery_date.month, largest.expected_delivery_date.day) == (12, 31)


def faithful(event: OrderPlaced) -> v2.OrderPlaced:
    return v2.OrderPlaced.FromString(event.SerializeToString())


def require_lines_and_whole_dates(event: OrderPlaced) -> v2.OrderPlaced:
    """Write fields that no command sets in another way."""
    assert event.lines
    assert all(1 <= line.quantity <= 1_000_000 for line in event.lines)
    if event.HasField("expected_delivery_date"):
        day = event.expected_delivery_date
        date(day.year, day.month, day.day)
    return faithful(event)


def write_nothing_for_absent(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    stored.customer_id = event.customer_id
    return stored


def read_nothing_for_absent(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    if not event.customer_id:
        stored.ClearField("customer_id")
    return stored


def price_every_line(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    for line in stored.lines:
        line.unit_price.SetInParent()
    return stored


def require_source(event: OrderPlaced) -> v2.OrderPlaced:
    if not event.HasField("source"):
        raise LookupError("no source")
    return faithful(event)


def cap_quantity(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    for line in stored.lines:
        line.quantity = min(line.quantity, 10_000)
    return stored


def orders_two_at_least(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    for line in stored.lines:
        line.quantity = max(line.quantity, 2)
    return stored


def forget_status(event: OrderPlaced) -> v2.OrderPlaced:
    stored = faithful(event)
    if event.source.status == ORDER_STATUS_CANCELLED:
        stored.source.status = v2.ORDER_STATUS_RETURNED
    return stored


def written_by(function: Callable[[OrderPlaced], v2.OrderPlaced], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a function write placed orders. They are read unchanged."""
    stored, public = v2.OrderPlaced.DESCRIPTOR, OrderPlaced.DESCRIPTOR
    named = Function(function.__name__, public.full_name, stored.full_name, function)
    writes = Hop(public, stored, None, named)
    tag, _ = writing._NEWEST[OrderPlaced]
    monkeypatch.setitem(PUBLIC.hops, stored.full_name, PUBLIC.hops[stored.full_name]._replace(writes=writes))
    monkeypatch.setitem(writing._NEWEST, OrderPlaced, (tag, writing._writer(writes)))


@writing_version_2
@pytest.mark.parametrize("function", [faithful, require_lines_and_whole_dates])
def test_function_that_writes_every_valid_event_has_no_gap(
    monkeypatch: pytest.MonkeyPatch, function: Callable[[OrderPlaced], v2.OrderPlaced]
) -> None:
    written_by(function, monkeypatch)
    assert round_trip_gaps() == []


@writing_version_2
@pytest.mark.parametrize(
    ("function", "gap"),
    [
        (write_nothing_for_absent, 'changes in a round trip: customer_id was absent, and is ""'),
        (read_nothing_for_absent, 'changes in a round trip: customer_id was "", and is absent'),
        (price_every_line, "changes in a round trip: lines[0].unit_price was absent, and is {}"),
        (require_source, "cannot be written without ordertrail.v1.OrderPlaced.source: LookupError: no source"),
        (cap_quantity, "changes in a round trip: lines[0].quantity was 1000000, and is 10000"),
        (orders_two_at_least, "changes in a round trip: lines[0].quantity was 1, and is 2"),
        (
            forget_status,
            "changes in a round trip: source.status was ORDER_STATUS_CANCELLED, and is ORDER_STATUS_RETURNED",
        ),
    ],
)
def test_function_that_alters_an_edge_sample_is_a_gap(
    monkeypatch: pytest.MonkeyPatch, function: Callable[[OrderPlaced], v2.OrderPlaced], gap: str
) -> None:
    written_by(function, monkeypatch)
    assert [gap_text[: len(PLACED) + 1 + len(gap)] for gap_text in round_trip_gaps()] == [f"{PLACED} {gap}"]
