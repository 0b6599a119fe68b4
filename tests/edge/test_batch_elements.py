"""Splitting a batch by its bytes finds the same elements as protobuf."""

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import given, strategies as st
from tests.schema.strategies import messages

from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest, SourceDocument
from ordertrail_server.edge.batch_elements import split_batch
from ordertrail_server.orders.refusal import Refused

BATCHES = [ExecuteCommandsRequest, ImportOrdersRequest]
VARINT, SIXTY_FOUR_BITS, BYTES, THIRTY_TWO_BITS, GROUP = 0, 1, 2, 5, 3
MOST = 1000


def encode_varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + encode_varint(high) if high else bytes([low])


def encode_field(number: int, kind: int, value: bytes) -> bytes:
    return encode_varint(number << 3 | kind) + value


def add_length_prefix(value: bytes) -> bytes:
    return encode_varint(len(value)) + value


# Unknown fields of every wire type, between known ones.
unknown_field = st.integers(2, 2**29 - 1).flatmap(
    lambda number: st.one_of(
        st.integers(0, 2**64 - 1).map(lambda value: encode_field(number, VARINT, encode_varint(value))),
        st.binary(min_size=8, max_size=8).map(lambda value: encode_field(number, SIXTY_FOUR_BITS, value)),
        st.binary(min_size=4, max_size=4).map(lambda value: encode_field(number, THIRTY_TWO_BITS, value)),
        st.binary(max_size=200).map(lambda value: encode_field(number, BYTES, add_length_prefix(value))),
    )
)


def generate_batches(element: Descriptor) -> st.SearchStrategy[bytes]:
    element_chunk = messages(element).map(
        lambda message: encode_field(1, BYTES, add_length_prefix(message.SerializeToString()))
    )
    return st.lists(element_chunk | unknown_field, max_size=8).map(b"".join)


@given(generate_batches(Command.DESCRIPTOR))
def test_split_commands_equal_those_parsed_by_protobuf(raw: bytes) -> None:
    elements = [Command.FromString(element) for element in split_batch(ExecuteCommandsRequest, raw)]
    assert elements == list(ExecuteCommandsRequest.FromString(raw).commands)


@given(generate_batches(SourceDocument.DESCRIPTOR))
def test_split_documents_equal_those_parsed_by_protobuf(raw: bytes) -> None:
    elements = [SourceDocument.FromString(element) for element in split_batch(ImportOrdersRequest, raw)]
    assert elements == list(ImportOrdersRequest.FromString(raw).documents)


@pytest.mark.parametrize("batch", BATCHES)
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_split_or_refused(batch: type[Message], raw: bytes) -> None:
    elements, message = list[bytes](), ""
    try:
        elements = split_batch(batch, raw)
    except Refused as refusal:
        message = refusal.refusal.message
    assert sum(map(len, elements)) <= len(raw)
    assert message in ("", f"The request is not a valid {batch.DESCRIPTOR.full_name} message.")


@given(generate_batches(SourceDocument.DESCRIPTOR).filter(bool), st.data())
def test_truncated_batch_is_refused_or_has_fewer_elements(raw: bytes, data: st.DataObject) -> None:
    all_elements = split_batch(ImportOrdersRequest, raw)
    truncated = raw[: data.draw(st.integers(0, len(raw) - 1))]
    try:
        elements = split_batch(ImportOrdersRequest, truncated)
    except Refused:
        return
    assert elements == all_elements[: len(elements)]


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 1 << 21])
def test_element_can_have_any_length(size: int) -> None:
    element = b"x" * size
    batch = encode_field(1, BYTES, add_length_prefix(element)) + encode_field(1, BYTES, add_length_prefix(b"behind"))
    assert split_batch(ImportOrdersRequest, batch) == [element, b"behind"]


def test_varint_can_have_ten_bytes() -> None:
    batch = encode_field(2, VARINT, b"\x80" * 9 + b"\x01") + encode_field(1, BYTES, add_length_prefix(b""))
    assert split_batch(ImportOrdersRequest, batch) == [b""]
    assert len(ImportOrdersRequest.FromString(batch).documents) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",  # no length
        b"\x0a\x05ab",  # shorter than its length
        b"\x11\x00",  # a number that is cut off
        b"\xff" * 11,  # a number without an end
        encode_field(2, VARINT, b"\x80" * 10 + b"\x01"),  # a number of 11 bytes
        encode_field(2, GROUP, b""),
    ],
)
def test_invalid_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused, match="is not a valid ordertrail"):
        split_batch(ExecuteCommandsRequest, raw)


@pytest.mark.parametrize("batch", BATCHES)
def test_batch_with_too_many_elements_is_refused_with_its_field(batch: type[Message]) -> None:
    empty = encode_field(1, BYTES, b"\x00")
    assert len(split_batch(batch, empty * MOST)) == MOST
    with pytest.raises(Refused) as refusal:
        split_batch(batch, empty * (MOST + 1))
    name = batch.DESCRIPTOR.fields[0].name
    [violation] = refusal.value.refusal.violations
    assert (refusal.value.refusal.where, violation.path, violation.rule) == (name, name, "repeated.max_items")
    assert f"{MOST}" in refusal.value.refusal.message
