"""Standard output: escapes what its encoding lacks, and tells a failed write apart from other errors of the system."""

import codecs
import os
import sys
from io import TextIOWrapper
from json import dumps
from typing import IO

ESCAPE = "ordertrail.escape"


class OutputFailed(Exception):
    """Standard output takes no more; `cause` says why. No OSError, which a command may expect of its own files."""

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
        """Write what is left."""
        try:
            super().flush()
        except OSError as error:
            raise OutputFailed(error) from error


def replace_stdout() -> None:
    """Have all that is printed from here on go through an Output."""
    codecs.register_error(ESCAPE, _escape)
    stdout = sys.stdout
    if isinstance(stdout, TextIOWrapper):
        lines, at_once = stdout.line_buffering, stdout.write_through
        # A locale of ASCII says nothing of who reads, so click writes UTF-8 there as well.
        encoding = "utf-8" if codecs.lookup(stdout.encoding).name == "ascii" else stdout.encoding
        sys.stdout = Output(stdout.detach(), encoding, ESCAPE, line_buffering=lines, write_through=at_once)


def discard(stream: IO[str]) -> None:
    """Have a stream take all, and keep nothing: the interpreter flushes it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    # As JSON has it, so that JSON stays JSON.
    return dumps(error.object[error.start : error.end])[1:-1], error.end
