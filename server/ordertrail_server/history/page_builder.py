"""Builds one answer step by step: events, and the parked orders whose facts it skips."""

from ordertrail_server.history.event_filter import EventFilter
from ordertrail_server.history.frames import Limits, join
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.skipped_orders import SkippedOrders, find_skipped_orders, name_size
from ordertrail_server.history.span import Span


class PageBuilder:
    """Collects the events of one page or frame.

    `is_full` is true if the answer has no space for more. `has_more` is true if further matching events follow.
    """

    def __init__(self, connection: Connection, event_filter: EventFilter, limits: Limits) -> None:
        self._connection, self._filter, self._limits = connection, event_filter, limits
        self._parts: list[bytes] = []
        self._skipped_ids: dict[str, None] = {}
        self.is_full = self.has_more = False

    @property
    def events(self) -> bytes:
        """The events, joined."""
        return b"".join(self._parts)

    @property
    def skipped_orders(self) -> tuple[str, ...]:
        """The parked orders whose facts were skipped."""
        return tuple(self._skipped_ids)

    def step(self, span: Span) -> Span:
        """Add events and skipped orders of a span; return the span to continue with, which is empty after all of it.

        Not for a full answer.
        """
        skipped = find_skipped_orders(self._connection, self._filter, span, self._limits, self._skipped_ids)
        max_events, max_bytes, min_events = self._limits
        limits = Limits(max_events, _event_bytes(skipped, max_bytes), min_events)
        joined = join(self._connection, self._filter, skipped.span, limits)
        new_ids = skipped.orders_outside(joined.remainder)
        if joined.event_count:
            self._parts.append(joined.events)
        self._skipped_ids.update(dict.fromkeys(new_ids))
        max_events -= joined.event_count
        max_bytes -= len(joined.events) + sum(map(name_size, new_ids))
        self._limits = Limits(max_events, max_bytes, 0 if self._parts or self._skipped_ids else min_events)
        self.has_more = joined.has_more
        self.is_full = joined.has_more or skipped.is_full or max_events <= 0
        return span.cut_to(joined.remainder)


def _event_bytes(skipped: SkippedOrders, max_bytes: int) -> int:
    return max(0, max_bytes - sum(map(name_size, skipped.orders)))
