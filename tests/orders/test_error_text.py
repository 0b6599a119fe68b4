"""The text of any error can be stored and sent."""

import pytest

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_events_pb2 import OrderLineRemoved, OrderPlaced
from ordertrail_server.orders.aggregate import NO_ORDER, advance
from ordertrail_server.orders.error_text import MAX_LENGTH, error_text, named_error_text


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class HostileText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __getitem__(self, _: object) -> str:
        raise RuntimeError("no parts")

    def __len__(self) -> int:
        raise RuntimeError("no end")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("a defect: Möbel 🪑"), "a defect: Möbel 🪑"),
        (ValueError(), ""),
        (ValueError("half \ud83e of a pair"), "half \ufffd of a pair"),
        (ValueError("\udfff\0"), "\ufffd\ufffd"),
        (ValueError("x" * MAX_LENGTH), "x" * MAX_LENGTH),
        (ValueError("x" * 10_000_000), "x" * MAX_LENGTH + " …"),
        (ValueError(HostileText("text \ud83e")), "text \ufffd"),
        (UnreadableError(), "the text of the error cannot be read"),
    ],
    ids=["plain", "empty", "half a pair", "two", "long", "too long", "own str subclass", "unreadable"],
)
def test_error_text_holds_only_storable_characters(error: Exception, text: str) -> None:
    assert error_text(error) == text
    assert type(error_text(error)) is str
    assert named_error_text(error) == f"{type(error).__name__}: {text}"


def test_failed_fold_parks_order_with_a_bounded_text() -> None:
    placed = HistoryEvent(order_id="order-1", order_version=1, order_placed=OrderPlaced())
    removed = HistoryEvent(
        order_id="order-1", order_version=2, order_line_removed=OrderLineRemoved(product_id="p" * 10_000)
    )
    after = advance(advance(NO_ORDER, placed, "", b"1"), removed, "", b"2")
    assert after.parked.startswith("cannot be folded: 'ppp")
    assert len(after.parked) < MAX_LENGTH + 50
