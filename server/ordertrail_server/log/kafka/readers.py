"""The cursors on a topic and their threads: cursors that read at any offset, and tail cursors that wait at the ends."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from ordertrail_server.log.kafka.cursor import UNASSIGNED, Cursor
from ordertrail_server.log.kafka.settings import Settings, reader_settings, tail_settings
from ordertrail_server.log.kafka.threads import run_in_pool
from ordertrail_server.log.port import Logged

# Reads that may run at once, in addition to one for each partition.
SPARE_READERS = 3


class Cursors:
    """A pool of cursors of one kind. A read prefers the cursor that already is at its offset, which saves a seek.

    The pool keeps `max_count` cursors for all partitions. Without `max_count`, each partition has its own cursor.
    """

    def __init__(self, create_cursor: Callable[[], Cursor], max_count: int | None = None) -> None:
        self._create_cursor, self._max_count = create_cursor, max_count
        self._idle: list[Cursor] = []
        self._lock = Lock()

    def acquire(self, partition: int, offset: int) -> Cursor:
        """Return a cursor at this position."""
        cursor = self.pop_idle(partition, offset) or self._pop_movable(partition) or self._create_cursor()
        cursor.seek(partition, offset)
        return cursor

    @contextmanager
    def lend(self, cursor: Cursor) -> Iterator[Cursor]:
        """Return the cursor to the pool at the end; close it if an error occurred, or it is not usable any more."""
        try:
            yield cursor
        except BaseException:
            cursor.close()
            raise
        if not cursor.is_usable:
            cursor.close()
            return
        with self._lock:
            self._idle.append(cursor)

    def pop_idle(self, partition: int, offset: int) -> Cursor | None:
        """Remove and return the idle cursor at this position, if there is one."""
        with self._lock:
            for number, cursor in enumerate(self._idle):
                if (cursor.partition, cursor.position) == (partition, offset):
                    return self._idle.pop(number)
        return None

    def has_idle_at(self, partition: int, offset: int) -> bool:
        """Return whether an idle cursor is at this position."""
        with self._lock:
            return any((cursor.partition, cursor.position) == (partition, offset) for cursor in self._idle)

    def close_unused(self, since: float) -> None:
        """Close the idle cursors that were last used at `since` (monotonic clock) or before."""
        with self._lock:
            unused = [cursor for cursor in self._idle if cursor.last_used <= since]
            self._idle = [cursor for cursor in self._idle if cursor.last_used > since]
        for cursor in unused:
            cursor.close()

    def _pop_movable(self, partition: int) -> Cursor | None:
        """Remove and return an idle cursor that may be moved."""
        with self._lock:
            for number, cursor in enumerate(self._idle):
                if self._is_movable(cursor, partition):
                    return self._idle.pop(number)
        return None

    def _is_movable(self, cursor: Cursor, partition: int) -> bool:
        if self._max_count is None:
            return cursor.partition == partition
        return cursor.partition == UNASSIGNED or len(self._idle) >= self._max_count


class KafkaReaders:
    """Reads a topic off the event loop."""

    def __init__(self, settings: Settings, topic: str, partitions: int, timeout_s: float) -> None:
        reader, tail = reader_settings(settings), tail_settings(settings)
        self._timeout_s = timeout_s
        self._cursors = Cursors(lambda: Cursor(reader, topic), partitions + SPARE_READERS)
        self._tails = Cursors(lambda: Cursor(tail, topic))
        self._reader_threads = ThreadPoolExecutor(partitions + SPARE_READERS, "reader")
        self._tail_threads = ThreadPoolExecutor(partitions, "tail")

    async def read(self, partition: int, offset: int, limit: int, end: int) -> tuple[list[Logged], int]:
        """Return up to `limit` records, and the partition's end, which may lie behind `end` as known before.

        If only transaction markers lie between `offset` and `end`, return no records, and the end of the markers.
        Raises LogDamaged, LogUnavailable.
        """
        return await run_in_pool(self._reader_threads, self._read, partition, offset, limit, end)

    def has_tail_at(self, partition: int, offset: int) -> bool:
        """Return whether a tail cursor waits at this position, and so gets the next record at once."""
        return self._tails.has_idle_at(partition, offset)

    async def wait_for_growth(self, partition: int, end: int) -> int:
        """Wait a moment for a new record. Return the partition's end; `end` itself if nothing arrived."""
        return await run_in_pool(self._tail_threads, self._wait_for_growth, partition, end)

    def close_unused(self, seconds: float) -> None:
        """Close the cursors that were not used for this number of seconds."""
        since = monotonic() - seconds
        for cursors in (self._cursors, self._tails):
            cursors.close_unused(since)

    def close(self) -> None:
        """Finish running reads, and close all. Blocks."""
        for threads in (self._reader_threads, self._tail_threads):
            threads.shutdown()
        self.close_unused(-1.0)

    def _read(self, partition: int, offset: int, limit: int, end: int) -> tuple[list[Logged], int]:
        # A tail cursor that waited here already has the first record.
        tail = self._tails.pop_idle(partition, offset)
        if tail is not None:
            return self._read_with(self._tails, tail, limit, end)
        return self._read_with(self._cursors, self._cursors.acquire(partition, offset), limit, end)

    def _read_with(self, cursors: Cursors, cursor: Cursor, limit: int, end: int) -> tuple[list[Logged], int]:
        with cursors.lend(cursor):
            records = cursor.read(limit, end, self._timeout_s)
            position = cursor.position
            if cursors is self._cursors and (limit == 1 or position >= end):
                cursor.unassign()  # a cursor that stays at the end would poll the broker all the time
        return records, max(end, position) if records else position

    def _wait_for_growth(self, partition: int, end: int) -> int:
        with self._tails.lend(self._tails.acquire(partition, end)) as cursor:
            return end + 1 if cursor.poll_growth() else end
