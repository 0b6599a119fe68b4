"""A fact with an enum number that has no name, stored or returned by a Python function, has no reading."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from tests.schema.event_cases import NEWEST
from tests.schema.records import build_record

from ordertrail.events.v1 import order_events_pb2 as v1
from ordertrail.events.v2 import order_events_pb2 as v2
from ordertrail.v1.order_pb2 import Order
from ordertrail_server.schema.cases import message_class, message_of
from ordertrail_server.schema.compiled_hop import compile_hop
from ordertrail_server.schema.families import Hop
from ordertrail_server.schema.functions import Function
from ordertrail_server.schema.hops.unnamed_value import UnnamedValue, unnamed_check
from ordertrail_server.schema.proof.function_samples import unnamed_gaps
from ordertrail_server.schema.reading import read
from ordertrail_server.schema.wire import bytes_tag, chunk

FIELD = FieldDescriptorProto


def stored_with_status(number: int, case: Any) -> bytes:
    stored: Any = message_class(message_of(case))()
    stored.source.status = number
    return build_record(chunk(bytes_tag(case.number), stored.SerializeToString()))


@pytest.mark.parametrize("number", [8, 9, -1, 2**31 - 1])
def test_fact_with_an_unnamed_enum_number_cannot_be_read(number: int) -> None:
    reading = read(stored_with_status(number, NEWEST["OrderPlaced"]))
    assert reading is not None
    assert reading.fault == f"ordertrail.v1.OrderSource.status holds {number}, which is not a value of its enum"
    assert (reading.event.WhichOneof("event"), reading.passes_through) == (None, False)


@pytest.mark.parametrize("number", v2.OrderStatus.values())
def test_fact_with_a_value_of_its_enum_is_read(number: int) -> None:
    reading = read(stored_with_status(number, NEWEST["OrderPlaced"]))
    assert reading is not None
    assert (reading.fault, reading.event.order_placed.source.status) == ("", number)


def build_hop(function: Callable[[Any], Any], old: Descriptor = v1.OrderPlaced.DESCRIPTOR) -> Hop:
    new = v2.OrderPlaced.DESCRIPTOR
    return Hop(old, new, None, Function("v1.made_up", old.full_name, new.full_name, function))


def write_unknown_status(value: v1.OrderPlaced) -> v2.OrderPlaced:
    if not value.HasField("company"):
        raise LookupError("no company")
    return v2.OrderPlaced(source=v2.OrderSource(status=9))  # type: ignore[arg-type]  # no number of the enum


def write_one_wrong_status(placed: v2.OrderPlaced) -> v2.OrderPlaced:
    status = {v2.ORDER_STATUS_CANCELLED: 106}.get(placed.source.status, placed.source.status)
    return v2.OrderPlaced(source=v2.OrderSource(status=status))  # type: ignore[arg-type]  # it may be no number of the enum


def faithful(placed: v2.OrderPlaced) -> v2.OrderPlaced:
    return placed


def refuses_all(placed: v2.OrderPlaced) -> v2.OrderPlaced:
    raise LookupError("no")


def test_python_function_that_returns_an_unnamed_enum_number_fails() -> None:
    with pytest.raises(UnnamedValue) as error:
        compile_hop(build_hop(write_unknown_status))(v1.OrderPlaced(company="c"), v2.OrderPlaced())
    assert str(error.value) == (
        "the Python function v1.made_up gives ordertrail.events.v2.OrderSource.status the number 9, "
        "which is not a value of its enum"
    )


@pytest.mark.parametrize(
    ("of", "number"),
    [
        (build_hop(write_unknown_status), 9),
        (build_hop(write_one_wrong_status, v2.OrderPlaced.DESCRIPTOR), 106),
        (build_hop(faithful, v2.OrderPlaced.DESCRIPTOR), None),
        (build_hop(refuses_all, v2.OrderPlaced.DESCRIPTOR), None),
    ],
)
def test_python_function_is_tried_with_samples_before_a_server_starts(of: Hop, number: int | None) -> None:
    gaps = unnamed_gaps([of])
    gives = f"the Python function v1.made_up gives ordertrail.events.v2.OrderSource.status the number {number}"
    assert gaps == ([] if number is None else [f"{gives}, which is not a value of its enum: correct it"])


def test_message_that_can_hold_no_enum_is_not_searched() -> None:
    assert unnamed_check(v2.OrderShipped.DESCRIPTOR) is None
    assert unnamed_check(Order.DESCRIPTOR) is not None


def build_recursive_class() -> Any:
    """Return a recursive message class with enums in every kind of field."""
    file = FileDescriptorProto(name="shelf.proto", syntax="proto3")
    colour = file.enum_type.add(name="Colour")
    colour.value.add(name="NONE", number=0)
    colour.value.add(name="RED", number=1)
    shelf = file.message_type.add(name="Shelf")
    entry = shelf.nested_type.add(name="ByNameEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    entry.field.add(name="value", number=2, type=FIELD.TYPE_ENUM, label=FIELD.LABEL_OPTIONAL, type_name=".Colour")
    for number, (name, kind, type_name, label) in enumerate(
        [
            ("back", FIELD.TYPE_ENUM, ".Colour", FIELD.LABEL_OPTIONAL),
            ("inner", FIELD.TYPE_MESSAGE, ".Shelf", FIELD.LABEL_OPTIONAL),
            ("boards", FIELD.TYPE_ENUM, ".Colour", FIELD.LABEL_REPEATED),
            ("by_name", FIELD.TYPE_MESSAGE, ".Shelf.ByNameEntry", FIELD.LABEL_REPEATED),
            ("others", FIELD.TYPE_MESSAGE, ".Shelf", FIELD.LABEL_REPEATED),
        ],
        1,
    ):
        shelf.field.add(name=name, number=number, type=kind, type_name=type_name, label=label)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("Shelf"))


SHELF = build_recursive_class()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("back", {"back": 2}),
        ("boards", {"boards": [1, 2]}),
        ("by_name", {"by_name": {"a": 1, "b": 2}}),
        ("back", {"inner": SHELF(inner=SHELF(back=2))}),
        ("boards", {"others": [SHELF(), SHELF(inner=SHELF(boards=[2]))]}),
    ],
)
def test_unnamed_enum_number_is_found_at_any_depth(field: str, value: dict[str, Any]) -> None:
    check = unnamed_check(SHELF.DESCRIPTOR)
    assert check is not None
    check(SHELF(back=1, boards=[0, 1], by_name={"a": 1}, inner=SHELF(), others=[SHELF()]))
    with pytest.raises(UnnamedValue, match=f"{field} holds 2"):
        check(SHELF(**value))
