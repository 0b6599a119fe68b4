"""A thread that formats log records and writes them, so that nobody who logs waits for a reader of stderr."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from select import select
from threading import Event, Thread

from ordertrail_server.logs.queued_record import detach_record, estimate_bytes

MAX_RECORDS, MAX_BYTES = 10_000, 8 << 20
"""How many records wait at most, and about how many bytes of them. Further ones are dropped and counted."""

TOGETHER = 100
GATHER_SECONDS = 0.02
"""How many records are written together, and how long they gather. A wake-up for each would slow the event loop."""

LOAD_SECONDS = 0.2
"""How long the first records wait before the library of lines is loaded: a start needs the processor itself."""

CLOSE_SECONDS = 1.0
"""How long a closing writer waits for the reader of stderr."""


class LineWriter(logging.Handler):
    """Writes the lines of records to a file descriptor.

    `create_formatter` is called in the thread, at the first record. Lines are lost if nobody reads them for long, and
    if the process is killed.
    """

    def __init__(self, descriptor: int, create_formatter: Callable[[], logging.Formatter]) -> None:
        super().__init__()
        self._descriptor, self._create_formatter = descriptor, create_formatter
        self._queue: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        # Each number is changed by one thread only: the first three under the handler's lock, the others by the thread.
        self._queued_count = self._queued_bytes = self._dropped_count = 0
        self._written_count = self._written_bytes = self._reported_count = 0
        self._closing = Event()
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record, or count it as dropped. Never blocks."""
        try:
            detach_record(record)
        except Exception:  # a message that does not fit its arguments
            self.handleError(record)
            return
        size = estimate_bytes(record)
        if self._queued_count - self._written_count >= MAX_RECORDS or self.waiting_bytes + size > MAX_BYTES:
            self._dropped_count += 1
            return
        self._queued_count += 1
        self._queued_bytes += size
        self._queue.put(record)

    @property
    def waiting_bytes(self) -> int:
        """About how many bytes the records take that are not written yet."""
        return self._queued_bytes - self._written_bytes

    def close(self) -> None:
        """Write what is queued, unless nobody reads it for CLOSE_SECONDS. Python calls it again when it ends."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._queue.put(None)
        self._thread.join(CLOSE_SECONDS)
        super().close()

    def _run(self) -> None:
        formatter: logging.Formatter | None = None
        with suppress(OSError):  # nobody can read the lines any more
            while records := self._take_records():
                formatter = formatter or self._load_formatter()
                self._write("".join(f"{formatter.format(record)}\n" for record in records))
                self._written_count += len(records)
                self._written_bytes += sum(map(estimate_bytes, records))
                self._report_dropped(formatter)

    def _load_formatter(self) -> logging.Formatter:
        self._closing.wait(LOAD_SECONDS)
        return self._create_formatter()

    def _take_records(self) -> list[logging.LogRecord]:
        """Wait for records, and return some; none if the writer is closed."""
        first = self._queue.get()
        self._closing.wait(GATHER_SECONDS)
        records = [first]
        with suppress(Empty):
            while records[-1] is not None and len(records) < TOGETHER:
                records.append(self._queue.get_nowait())
        if records[-1] is None and len(records) > 1:
            self._queue.put(None)  # for the next call
        return [record for record in records if record is not None]

    def _report_dropped(self, formatter: logging.Formatter) -> None:
        count = self._dropped_count - self._reported_count
        if count:
            self._reported_count += count
            text = f"{count:,} log lines were dropped, because stderr was read too slowly"
            record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)
            self._write(f"{formatter.format(record)}\n")

    def _write(self, text: str) -> None:
        # Not by sys.stderr: its lock would be held while the reader stalls, and Python could not end.
        content = text.encode(errors="backslashreplace")
        while content:
            try:
                content = content[os.write(self._descriptor, content) :]
            except BlockingIOError:
                select([], [self._descriptor], [])
