"""Whether a record names an order is answered as the schema answers it, whatever the bytes."""

import pytest
from hypothesis import given, strategies as st
from tests.log.contract import orders_of

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.embedded.record_key import ORDER_ID, belongs, names_order
from ordertrail_server.log.port import BARRIER
from ordertrail_server.schema.reading import read

ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=140)
parts = st.builds(Record, event_id=ids | st.none(), order_id=ids | st.none(), actor=ids | st.none())


def test_the_order_id_is_the_field_that_the_contract_says() -> None:
    assert Record.DESCRIPTOR.fields_by_name["order_id"].number == ORDER_ID


@given(st.lists(parts, min_size=1, max_size=3), ids)
def test_a_record_in_any_shape_names_the_order_that_the_schema_reads(shape: list[Record], other: str) -> None:
    value = b"".join(part.SerializeToString() for part in shape)
    reading = read(value)
    if reading is None:
        assert not names_order(value, "")
    else:
        assert names_order(value, reading.event.order_id)
    named = {part.order_id for part in shape}
    assert names_order(value, other) <= (other in named)


@given(st.binary(max_size=60), ids)
def test_any_bytes_are_judged_without_an_error(value: bytes, key: str) -> None:
    reading = read(value)
    assert names_order(value, key) or reading is None or reading.event.order_id != key


@pytest.mark.parametrize("partition", [0, 1, 2])
def test_a_record_belongs_to_the_partition_of_its_order_alone(partition: int) -> None:
    [order_id, *_] = orders_of(partition)
    value = Record(order_id=order_id).SerializeToString()
    assert [belongs(order_id, value, place, 3) for place in range(3)] == [place == partition for place in range(3)]
    assert belongs(order_id, value, 0, 1)


def test_a_barrier_belongs_anywhere_under_its_own_key() -> None:
    assert belongs(*BARRIER, 2, 3)
    assert not belongs("barries", b"", 0, 1)
    assert not belongs("", b"", 0, 1)
