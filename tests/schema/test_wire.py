"""Bytes that we assemble equal those of the protobuf library."""

import pytest
from google.protobuf.wrappers_pb2 import BytesValue, Int32Value, Int64Value, UInt64Value

from ordertrail_server.schema.wire import bytes_tag, chunk, first_field, read_varint, varint, varint_tag

BOUNDS = [1, 0x7F, 0x80, 0x3FFF, 0x4000, 2**21 - 1, 2**21, 2**31 - 1, 2**31, 2**63 - 1]


@pytest.mark.parametrize("number", [*BOUNDS, *(-bound for bound in BOUNDS), -(2**63)])
def test_varints_of_64_bit_integers_match_protobuf(number: int) -> None:
    assert varint_tag(1) + varint(number) == Int64Value(value=number).SerializeToString()


def test_numbers_at_the_bounds_of_each_type_match_protobuf() -> None:
    assert varint_tag(1) + varint(-(2**31)) == Int32Value(value=-(2**31)).SerializeToString()
    assert varint_tag(1) + varint(2**64 - 1) == UInt64Value(value=2**64 - 1).SerializeToString()
    assert varint(0) == b"\0"


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 3_000_000])
def test_length_delimited_fields_match_protobuf(size: int) -> None:
    assert chunk(bytes_tag(1), b"x" * size) == BytesValue(value=b"x" * size).SerializeToString()
    assert first_field(b"x" * size) == BytesValue(value=b"x" * size).SerializeToString()


@pytest.mark.parametrize("number", [0, *BOUNDS, 2**64 - 1])
def test_decoded_varint_is_the_encoded_number(number: int) -> None:
    encoded = b"before" + varint(number)
    assert read_varint(encoded + b"behind", 6) == (number, len(encoded))


@pytest.mark.parametrize("encoded", [b"", b"\x80", varint(2**64 - 1)[:-1], b"\xff" * 11], ids=bytes.hex)
def test_varint_that_has_no_end_is_refused(encoded: bytes) -> None:
    with pytest.raises(IndexError):
        read_varint(encoded, 0)
