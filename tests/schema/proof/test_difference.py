"""The first field in which two messages differ is named by its path, however deep it is."""

from typing import Any

import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderCancelled, OrderedLine, OrderPlaced, OrderSource
from ordertrail.v1.order_status_pb2 import ORDER_STATUS_PLACED
from ordertrail_server.schema.proof.difference import first_difference


def build_placed(*lines: OrderedLine, source: OrderSource | None = None) -> OrderPlaced:
    return OrderPlaced(customer_id="shop", lines=lines, source=source)


def struct(**fields: Any) -> Struct:
    struct = Struct()
    struct.update(fields)
    return struct


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        (OrderCancelled(reason="a"), OrderCancelled(reason="ä"), ("reason", '"a"', '"ä"')),
        (OrderCancelled(reason=""), OrderCancelled(), ("reason", '""', "absent")),
        (build_placed(OrderedLine()), build_placed(), ("lines", "1 elements", "0 elements")),
        (
            build_placed(OrderedLine(), OrderedLine(quantity=1)),
            build_placed(OrderedLine(), OrderedLine(quantity=2)),
            ("lines[1].quantity", "1", "2"),
        ),
        (
            build_placed(OrderedLine(unit_price=Money(units=5))),
            build_placed(OrderedLine()),
            ("lines[0].unit_price", '{"units": "5"}', "absent"),
        ),
        (
            build_placed(source=OrderSource(status=ORDER_STATUS_PLACED)),
            build_placed(source=OrderSource(status=9)),  # type: ignore[arg-type]  # no number of the enum
            ("source.status", "ORDER_STATUS_PLACED", "9"),
        ),
        (struct(a=1, b=2), struct(a=1, b=3), ('fields["b"].number_value', "2.0", "3.0")),
        (struct(a=1), struct(b=1), ('fields["a"]', "1.0", "absent")),
    ],
)
def test_first_difference_is_described_with_both_values(
    first: Message, second: Message, difference: tuple[str, str, str]
) -> None:
    assert first_difference(first, second) == difference


def test_equal_messages_do_not_differ() -> None:
    assert first_difference(build_placed(OrderedLine(quantity=1)), build_placed(OrderedLine(quantity=1))) is None
