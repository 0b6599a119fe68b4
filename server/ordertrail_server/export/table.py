"""The tables of an export: their columns, and what kind of values these hold."""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a column holds. All values are text or integers, or None."""

    TEXT = "text"
    INTEGER = "integer"
    TIME = "time"
    """A time as `orders.time_text` writes it, or FOREVER."""
    AMOUNT = "amount"
    """A decimal number with at most nine decimals, as text."""
    JSON = "json"
    """The text of one JSON object. Such a column is the last one of its table."""


class Column(NamedTuple):
    """A column of an exported table."""

    name: str
    kind: Kind = Kind.TEXT


class Table(NamedTuple):
    """An exported table, which becomes one file."""

    name: str
    columns: tuple[Column, ...]


ORDER_VERSIONS = Table(
    "order_versions",
    (
        Column("order_id"),
        Column("version", Kind.INTEGER),
        Column("partition", Kind.INTEGER),
        Column("offset", Kind.INTEGER),
        Column("valid_from", Kind.TIME),
        Column("valid_until", Kind.TIME),
        Column("status"),
        Column("customer_id"),
        Column("total_amount", Kind.AMOUNT),
        Column("currency"),
        Column("total_quantity", Kind.INTEGER),
        Column("shipped_quantity", Kind.INTEGER),
        Column("delivery_date"),
        Column("event_type"),
        Column("actor"),
        Column("request_id"),
        Column("source_reference"),
    ),
)
LINE_VERSIONS = Table(
    "line_versions",
    (
        Column("order_id"),
        Column("product_id"),
        Column("version", Kind.INTEGER),
        Column("valid_from", Kind.TIME),
        Column("valid_until", Kind.TIME),
        Column("quantity", Kind.INTEGER),
        Column("shipped_quantity", Kind.INTEGER),
        Column("unit_price", Kind.AMOUNT),
        Column("currency"),
    ),
)
EVENTS = Table(
    "events",
    (
        Column("order_id"),
        Column("version", Kind.INTEGER),
        Column("partition", Kind.INTEGER),
        Column("offset", Kind.INTEGER),
        Column("record_time", Kind.TIME),
        Column("event_type"),
        Column("customer_id"),
        Column("actor"),
        Column("request_id"),
        Column("digest"),
        Column("event", Kind.JSON),
    ),
)
TABLES = (ORDER_VERSIONS, LINE_VERSIONS, EVENTS)
