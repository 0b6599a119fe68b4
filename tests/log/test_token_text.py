"""Tokens read back as their positions, or are refused."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given, strategies as st

from ordertrail_server.log.position import OFFSETS
from ordertrail_server.log.token import (
    ForeignToken,
    InvalidToken,
    PageKey,
    TokenWriter,
    read_page_token,
    read_token,
    write_page_token,
    write_token,
)

LOG, OTHER_LOG = b"the log's own id", b"another log's id"
positions = st.dictionaries(st.integers(0, 2**31 - 1), st.integers(0, OFFSETS - 1), max_size=5)


@given(positions)
def test_token_reads_back_as_its_position(position: dict[int, int]) -> None:
    assert read_token(write_token(LOG, position), LOG) == position


@given(positions)
def test_one_position_has_one_token(position: dict[int, int]) -> None:
    assert write_token(LOG, dict(reversed(position.items()))) == write_token(LOG, position)


@given(st.binary(max_size=16), st.integers(-(2**63), 2**63 - 1), st.text())
def test_page_token_reads_back_as_its_sort_key(digest: bytes, number: int, text: str) -> None:
    read = read_page_token(write_page_token(digest, PageKey(number, text)))
    assert (read.filter_digest, read.last_number, read.last_text) == (digest, number, text)


@given(positions)
def test_token_of_another_log_is_foreign(position: dict[int, int]) -> None:
    with pytest.raises(ForeignToken):
        read_token(write_token(OTHER_LOG, position), LOG)


@given(positions, st.data())
def test_token_with_a_changed_bit_is_refused(position: dict[int, int], data: st.DataObject) -> None:
    token = write_token(LOG, position)
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    index, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    raw[index] ^= 1 << bit
    with pytest.raises(InvalidToken):
        read_token(urlsafe_b64encode(raw).decode().rstrip("="), LOG)


@given(positions, st.data())
def test_truncated_token_is_refused(position: dict[int, int], data: st.DataObject) -> None:
    token = write_token(LOG, position)
    with pytest.raises(InvalidToken):
        read_token(token[: data.draw(st.integers(0, len(token) - 1))], LOG)


def test_page_token_and_position_token_are_not_interchangeable() -> None:
    with pytest.raises(InvalidToken):
        read_token(write_page_token(b"", PageKey(1)), LOG)
    with pytest.raises(InvalidToken):
        read_page_token(write_token(LOG, {0: 1}))


@given(positions)
def test_writer_of_tokens_writes_the_token_of_each_partition(position: dict[int, int]) -> None:
    writer = TokenWriter(LOG)
    for partition, offset in position.items():
        assert writer.write(partition, offset) == write_token(LOG, {partition: offset})
