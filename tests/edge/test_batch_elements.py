"""A batch taken apart by its bytes holds what protobuf would find in it."""

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


def varint(number: int) -> bytes:
    low, high = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(high) if high else bytes([low])


def chunk(number: int, kind: int, value: bytes) -> bytes:
    return varint(number << 3 | kind) + value


def with_length(value: bytes) -> bytes:
    return varint(len(value)) + value


# Fields that this release does not know, of every kind there is, between those that it does.
unknown = st.integers(2, 2**29 - 1).flatmap(
    lambda number: st.one_of(
        st.integers(0, 2**64 - 1).map(lambda value: chunk(number, VARINT, varint(value))),
        st.binary(min_size=8, max_size=8).map(lambda value: chunk(number, SIXTY_FOUR_BITS, value)),
        st.binary(min_size=4, max_size=4).map(lambda value: chunk(number, THIRTY_TWO_BITS, value)),
        st.binary(max_size=200).map(lambda value: chunk(number, BYTES, with_length(value))),
    )
)


def batches(element: Descriptor) -> st.SearchStrategy[bytes]:
    one = messages(element).map(lambda made: chunk(1, BYTES, with_length(made.SerializeToString())))
    return st.lists(one | unknown, max_size=8).map(b"".join)


@given(batches(Command.DESCRIPTOR))
def test_the_commands_of_a_batch_are_those_that_protobuf_reads(raw: bytes) -> None:
    read = [Command.FromString(element) for element in split_batch(ExecuteCommandsRequest, raw)]
    assert read == list(ExecuteCommandsRequest.FromString(raw).commands)


@given(batches(SourceDocument.DESCRIPTOR))
def test_the_documents_of_a_batch_are_those_that_protobuf_reads(raw: bytes) -> None:
    read = [SourceDocument.FromString(element) for element in split_batch(ImportOrdersRequest, raw)]
    assert read == list(ImportOrdersRequest.FromString(raw).documents)


@pytest.mark.parametrize("batch", BATCHES)
@given(raw=st.binary(max_size=300))
def test_whatever_bytes_come_they_are_taken_apart_or_refused(batch: type[Message], raw: bytes) -> None:
    found, told = list[bytes](), ""
    try:
        found = split_batch(batch, raw)
    except Refused as refused:
        told = refused.refusal.message
    assert sum(map(len, found)) <= len(raw)
    assert told in ("", f"The request is no {batch.DESCRIPTOR.full_name}.")


@given(batches(SourceDocument.DESCRIPTOR).filter(bool), st.data())
def test_a_batch_that_was_cut_is_refused_or_holds_a_part_of_it(raw: bytes, data: st.DataObject) -> None:
    whole = split_batch(ImportOrdersRequest, raw)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    try:
        found = split_batch(ImportOrdersRequest, cut)
    except Refused:
        return
    assert found == whole[: len(found)]


@pytest.mark.parametrize("size", [0, 127, 128, 16_383, 16_384, 1 << 21])
def test_an_element_may_be_of_any_length(size: int) -> None:
    element = b"x" * size
    batch = chunk(1, BYTES, with_length(element)) + chunk(1, BYTES, with_length(b"behind"))
    assert split_batch(ImportOrdersRequest, batch) == [element, b"behind"]


def test_a_number_may_have_ten_bytes() -> None:
    batch = chunk(2, VARINT, b"\x80" * 9 + b"\x01") + chunk(1, BYTES, with_length(b""))
    assert split_batch(ImportOrdersRequest, batch) == [b""]
    assert len(ImportOrdersRequest.FromString(batch).documents) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\x0a",  # no length
        b"\x0a\x05ab",  # shorter than its length
        b"\x11\x00",  # a number that is cut off
        b"\xff" * 11,  # a number without an end
        chunk(2, VARINT, b"\x80" * 10 + b"\x01"),  # a number of 11 bytes
        chunk(2, GROUP, b""),
    ],
)
def test_what_is_no_batch_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused, match="is no ordertrail"):
        split_batch(ExecuteCommandsRequest, raw)


@pytest.mark.parametrize("batch", BATCHES)
def test_a_batch_of_more_elements_than_the_contract_allows_names_its_field(batch: type[Message]) -> None:
    empty = chunk(1, BYTES, b"\x00")
    assert len(split_batch(batch, empty * MOST)) == MOST
    with pytest.raises(Refused) as refused:
        split_batch(batch, empty * (MOST + 1))
    name = batch.DESCRIPTOR.fields[0].name
    [violation] = refused.value.refusal.violations
    assert (refused.value.refusal.where, violation.path, violation.rule) == (name, name, "repeated.max_items")
    assert f"{MOST}" in refused.value.refusal.message
