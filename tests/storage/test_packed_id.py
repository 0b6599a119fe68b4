"""Packed ids: exact, small, sorted as their text, and readable by any SQLite."""

from contextlib import closing
from uuid import UUID

from hypothesis import example, given, strategies as st

from ordertrail_server.storage.packed_id import pack_sql, unpack_sql
from ordertrail_server.storage.sqlite import sqlite3

UUID_TEXT = "0190b5a4-7c1d-7def-8123-456789abcdef"
ids = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    st.uuids().map(str),
    st.text(alphabet="0123456789abcdefAB-", min_size=34, max_size=38),
)


def pack(order_id: str) -> str | bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        packed: str | bytes = connection.execute(f"SELECT {pack_sql('?1')}", (order_id,)).fetchone()[0]
        text = connection.execute(f"SELECT {unpack_sql('?1')}", (packed,)).fetchone()[0]
    assert text == order_id
    return packed


def test_uuid_is_stored_as_its_16_bytes() -> None:
    assert pack(UUID_TEXT) == UUID(UUID_TEXT).bytes


@given(ids)
@example(UUID_TEXT.upper())
@example(UUID_TEXT.replace("-", ""))
@example(UUID_TEXT[:8] + UUID_TEXT[8:].replace("-", "") + "----")
@example(f"{UUID_TEXT}\0")
@example(f"{UUID_TEXT}\0{UUID_TEXT}")
@example(UUID_TEXT[:-1] + "g")
@example(f"--{UUID_TEXT[:6]}{UUID_TEXT[8:]}")  # has the same digits as the next one
@example(f"{UUID_TEXT[:6]}--{UUID_TEXT[8:]}")
def test_any_other_id_is_stored_as_its_text(order_id: str) -> None:
    packed = pack(order_id)
    assert packed == order_id or isinstance(packed, bytes)
    assert isinstance(packed, bytes) == is_canonical_uuid(order_id)


@given(st.uuids().map(str), st.uuids().map(str))
def test_packed_uuids_sort_as_their_text(left_id: str, right_id: str) -> None:
    assert (pack(left_id) < pack(right_id)) == (left_id < right_id)  # type: ignore[operator]  # both are bytes


def is_canonical_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
