"""Standard output that escapes characters missing from its encoding, and raises OutputFailed for failed writes."""

import codecs
import os
import sys
from io import TextIOWrapper
from json import dumps
from typing import IO

ESCAPE = "ordertrail.escape"


class OutputFailed(Exception):
    """A write to standard output failed because of `cause`. Not an OSError, which a command may expect of its files."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"The output cannot be written: {cause.strerror}.")
        self.cause = cause


class Output(TextIOWrapper):
    """Raises OutputFailed where a stream raises OSError."""

    def write(self, text: str, /) -> int:
        """Write text."""
        try:
            return super().write(text)
        except OSError as error:
            raise OutputFailed(error) from error

    def flush(self) -> None:
        """Write the buffered text."""
        try:
            super().flush()
        except OSError as error:
            raise OutputFailed(error) from error


def replace_stdout() -> None:
    """Replace sys.stdout by an Output."""
    codecs.register_error(ESCAPE, _escape)
    stdout = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        lines, at_once = stdout.line_buffering, stdout.write_through
        # An ASCII locale does not mean an ASCII reader; click also writes UTF-8 there.
        encoding = "utf-8" if codecs.lookup(stdout.encoding).name == "ascii" else stdout.encoding
        sys.stdout = Output(stdout.detach(), encoding, ESCAPE, line_buffering=lines, write_through=at_once)


def discard(stream: IO[str]) -> None:
    """Redirect a stream to the null device, because the interpreter flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # The escapes of JSON, so that JSON output stays valid.
    return dumps(error.object[error.start : error.end])[1:-1], error.end
