"""The rows of a filter in a span: chunks of joined frames, and how far a number of rows reaches."""

from ordertrail_server.history.blob_join import join_blobs_sql
from ordertrail_server.history.event_filter import EventFilter, Values
from ordertrail_server.history.read_model import Connection
from ordertrail_server.history.span import Span
from ordertrail_server.history.version_search import count_versions_before, find_version

LAST_VERSION = (1 << 63) - 1

_JOIN = f"SELECT count(*), {{last}}(position), {join_blobs_sql('frame')} FROM ({{rows}})"


class EventRows:
    """The rows of one filter, within one read."""

    def __init__(self, connection: Connection, event_filter: EventFilter) -> None:
        self._connection, self._filter = connection, event_filter
        self._values = event_filter.values()
        self._version_counts = {0: 0}
        if event_filter.order_id:
            self._first, self._last = self._versions_of_times()

    def read(self, span: Span, limit: int) -> tuple[int, Span, bytes]:
        """Return the number of the first matching rows, at most `limit`, the span after them, and their frames."""
        rows, last = self._filter.rows(is_descending=span.is_descending), "min" if span.is_descending else "max"
        statement = _JOIN.format(last=last, rows=rows)
        count, position, frames = self._connection.execute(statement, self._bind(span, limit=limit)).fetchone()
        return count, span.after(position) if count else span, frames

    def skip(self, span: Span, count: int) -> Span:
        """Return the span after the first matching rows, of which there are at least `count`. Loads no frames."""
        if count == 0:
            return span
        statement = self._filter.matching_position(is_descending=span.is_descending)
        [position] = self._connection.execute(statement, self._bind(span, limit=1, skipped=count - 1)).fetchone()
        return span.after(position)

    def has_row(self, span: Span) -> bool:
        """Return whether a row of the span matches."""
        statement = f"SELECT EXISTS ({self._filter.rows(is_descending=span.is_descending)})"
        return bool(self._connection.execute(statement, self._bind(span, limit=1)).fetchone()[0])

    def limit_visits(self, span: Span, count: int) -> Span:
        """Return the beginning of the span in which a query visits at most `count` rows, whether or not they match."""
        if self._filter.matches_every_row:
            return span
        statement = self._filter.index_position(is_descending=span.is_descending)
        row = self._connection.execute(statement, self._bind(span, count=count)).fetchone()
        return span if row is None else span.before(row[0])

    def _bind(self, span: Span, **values: int) -> Values:
        bounds: Values = {"low": span.low, "high": span.high}
        if self._filter.order_id:
            before = max(self._first - 1, self._count_before(span.low))
            bounds |= {"version_before": before, "last_version": min(self._last, self._count_before(span.high))}
        return self._values | bounds | values

    def _count_before(self, position: int) -> int:
        if position not in self._version_counts:
            count = count_versions_before(self._connection, self._filter.order_id, position)
            self._version_counts[position] = count
        return self._version_counts[position]

    def _versions_of_times(self) -> tuple[int, int]:
        """Return the first and the last version of the order whose times match."""
        begin, end = self._filter.recorded_from, self._filter.recorded_before
        last = LAST_VERSION if end is None else self._count_until(end - 1)
        return 1 if begin is None else self._count_until(begin - 1) + 1, last

    def _count_until(self, time: int) -> int:
        return find_version(self._connection, self._filter.order_id, time) or 0
