"""The log reads the order id of a record exactly as the schema does, whatever the bytes."""

import pytest
from hypothesis import given, strategies as st
from tests.log.contract import find_orders_of_partition

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.embedded.record_key import ORDER_ID, belongs, names_order
from ordertrail_server.log.port import BARRIER
from ordertrail_server.schema.reading import read

ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=140)
parts = st.builds(Record, event_id=ids | st.none(), order_id=ids | st.none(), actor=ids | st.none())


def test_order_id_is_field_2_of_the_record_message() -> None:
    assert Record.DESCRIPTOR.fields_by_name["order_id"].number == ORDER_ID


@given(st.lists(parts, min_size=1, max_size=3), ids)
def test_order_id_equals_the_one_that_the_schema_reads(shape: list[Record], another_id: str) -> None:
    value = b"".join(part.SerializeToString() for part in shape)
    reading = read(value)
    if reading is None:
        assert not names_order(value, "")
    else:
        assert names_order(value, reading.event.order_id)
    order_ids = {part.order_id for part in shape}
    assert names_order(value, another_id) <= (another_id in order_ids)


@given(st.binary(max_size=60), ids)
def test_arbitrary_bytes_raise_no_error(value: bytes, key: str) -> None:
    reading = read(value)
    assert names_order(value, key) or reading is None or reading.event.order_id != key


@pytest.mark.parametrize("partition", [0, 1, 2])
def test_record_belongs_only_to_the_partition_of_its_order(partition: int) -> None:
    [order_id, *_] = find_orders_of_partition(partition)
    value = Record(order_id=order_id).SerializeToString()
    assert [belongs(order_id, value, number, 3) for number in range(3)] == [number == partition for number in range(3)]
    assert belongs(order_id, value, 0, 1)


def test_barrier_belongs_to_every_partition_under_its_own_key() -> None:
    assert belongs(*BARRIER, 2, 3)
    assert not belongs("barries", b"", 0, 1)
    assert not belongs("", b"", 0, 1)
