"""The order in which SQLite sorts values, for rows of two files that are read side by side."""

from typing import Any

Row = tuple[Any, ...]

END = (4, 0)
"""Sorts after every value."""


def value_order(value: Any) -> tuple[int, Any]:
    """Return a key that sorts as SQLite does: NULL, numbers, text by its UTF-8 bytes, blobs."""
    if value is None:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return (2, value.encode()) if isinstance(value, str) else (3, bytes(value))


def key_order(row: Row, key_length: int) -> tuple[tuple[int, Any], ...]:
    """Return a key that sorts rows by their first `key_length` columns, as SQLite does."""
    return tuple(map(value_order, row[:key_length]))
