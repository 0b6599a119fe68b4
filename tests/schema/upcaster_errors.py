"""Errors of a Python upcaster with a text that is hard to store."""

from collections.abc import Callable
from typing import Final

from ordertrail.v1.order_events_pb2 import OrderPlaced
from ordertrail_server.schema.upcasting import CannotUpcast


class Mute(Exception):
    """An error whose text cannot be read."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


UPCASTER_ERRORS: Final[dict[str, Exception]] = {
    "half a surrogate pair": ValueError("\ud83e"),
    "half of one in a refusal": CannotUpcast("it says \ud83e"),
    "a NUL": ValueError("before\0after"),
    "ten megabytes": ValueError("x" * 10_000_000),
    "ten megabytes in a refusal": CannotUpcast("x" * 10_000_000),
    "no text at all": Mute(),
}


def build_failing_upcaster(error: Exception) -> Callable[[bytes, OrderPlaced], None]:
    """Return an upcaster that raises this error."""

    def fail(stored: bytes, into: OrderPlaced) -> None:
        raise error

    return fail
