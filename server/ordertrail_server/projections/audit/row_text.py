"""Rows of projections as short text for people."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from ordertrail_server.projections.row_order import Row

LONGEST_TEXT, LONGEST_BLOB = 80, 16
"""The longest text in characters and the longest blob in bytes that are not shortened."""


def describe_columns(names: Sequence[str], row: Row) -> str:
    """Return `name=value` for each column."""
    return ", ".join(describe_column(name, value) for name, value in zip(names, row, strict=True))


def describe_column(name: str, value: Any, text: str = "") -> str:
    """Return `name=value`; `text` is a better text of the value, if there is one."""
    return f"{'order_id' if name == 'order_key' else name}={text or describe_value(name, value)}"


def describe_value(name: str, value: Any) -> str:
    """Return a value as text. Long blobs are named by their SHA-256, so that two that differ look different."""
    if name == "order_key":
        return unpack_order_id(value)
    if isinstance(value, bytes):
        return (
            value.hex()
            if len(value) <= LONGEST_BLOB
            else f"sha256:{sha256(value).hexdigest()[:16]} ({len(value)} bytes)"
        )
    text = "null" if value is None else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}… ({len(text)} characters)"


def unpack_order_id(packed: Any) -> str:
    """Return the order id of its packed form (`storage/packed_id.py`); empty for a row of no order."""
    if isinstance(packed, bytes) and len(packed) == 16:
        return str(UUID(bytes=packed))
    return "" if packed is None else str(packed)
