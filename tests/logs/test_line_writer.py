"""The thread that writes log lines: it never delays the one who logs, and says what it dropped."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from ordertrail_server.logs.line_writer import MAX_BYTES, MAX_RECORDS, LineWriter


class Pipe:
    """A pipe, of which a writer gets one end."""

    def __init__(self) -> None:
        self.reading_end, self.writing_end = os.pipe()
        self._reader: Thread | None = None
        self._lines: list[str] = []

    def start_reading(self) -> None:
        self._reader = Thread(target=self._read)
        self._reader.start()

    def finish(self) -> list[str]:
        """Close the writing end, and return the lines that were written."""
        if self._reader is None:
            self.start_reading()
        assert self._reader is not None
        os.close(self.writing_end)
        self._reader.join()
        self.writing_end = -1
        return self._lines

    def close_reading_end(self) -> None:
        os.close(self.reading_end)
        self.reading_end = -1

    def close(self) -> None:
        for end in (self.reading_end, self.writing_end):
            if end >= 0:
                os.close(end)

    def _read(self) -> None:
        with os.fdopen(os.dup(self.reading_end)) as stream:
            self._lines = stream.read().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@contextmanager
def log_to(pipe: Pipe) -> Iterator[logging.Logger]:
    logger = logging.Logger("some.part")
    writer = LineWriter(pipe.writing_end, lambda: logging.Formatter("%(message)s"))
    logger.addHandler(writer)
    try:
        yield logger
    finally:
        writer.close()


def test_lines_are_written_in_their_order_before_the_writer_is_closed(pipe: Pipe) -> None:
    with log_to(pipe) as logger:
        for number in range(1_000):
            logger.info("%d", number)
    assert pipe.finish() == [str(number) for number in range(1_000)]


def test_lines_of_several_threads_are_whole(pipe: Pipe) -> None:
    with log_to(pipe) as logger:

        def log_lines() -> None:
            for _ in range(200):
                logger.info("x" * 40)

        threads = [Thread(target=log_lines) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert pipe.finish() == ["x" * 40] * 800


def test_stalled_reader_delays_nobody_and_later_learns_what_was_dropped(pipe: Pipe) -> None:
    with log_to(pipe) as logger:
        for _ in range(MAX_RECORDS + 5_000):
            logger.info("x" * 200)
        pipe.start_reading()
    lines = pipe.finish()
    reports = [line for line in lines if line.endswith("log lines were dropped, because stderr was read too slowly")]
    dropped_count = sum(int(report.split()[0].replace(",", "")) for report in reports)
    assert dropped_count >= 1
    assert len(lines) - len(reports) + dropped_count == MAX_RECORDS + 5_000


def test_bytes_of_waiting_records_are_bounded(pipe: Pipe) -> None:
    with log_to(pipe) as logger:
        for _ in range(MAX_RECORDS):
            logger.info("x" * 8_000)
        [writer] = logger.handlers
        assert isinstance(writer, LineWriter)
        assert 0 < writer.waiting_bytes <= MAX_BYTES


def test_writer_ends_although_nobody_reads(pipe: Pipe) -> None:
    with log_to(pipe) as logger:
        for _ in range(MAX_RECORDS):
            logger.info("x" * 200)


def test_reader_that_has_gone_is_no_error(pipe: Pipe) -> None:
    with log_to(pipe) as logger:
        pipe.close_reading_end()
        for number in range(100):
            logger.info("%d", number)


def test_nonblocking_descriptor_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing_end, False)
    with log_to(pipe) as logger:
        for _ in range(2_000):
            logger.info("x" * 200)
        pipe.start_reading()
    assert pipe.finish() == ["x" * 200] * 2_000
