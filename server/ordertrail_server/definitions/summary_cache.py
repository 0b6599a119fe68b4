"""A file of summaries by the content of source files, so that a start parses only what changed.

Each line has a checksum, so a damaged line is not used. A summary depends on the content alone, so an old line is never
wrong. A file that cannot be read or written costs time and nothing else.
"""

import os
import sys
from contextlib import suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from threading import get_ident
from typing import Final

from ordertrail_server.definitions.summary import Summary, summarize

FILE_NAME: Final = "source-digests.txt"
# Like the other files of a data directory: only its owner may write it, and only its group may read it.
MODE: Final = 0o640
# Change this whenever the same content gets another summary.
ALGORITHM: Final = "1"
# A file with more lines keeps only those that are used. A server has some hundred, and other releases have theirs.
_MAX_LINES: Final = 4_000
_CHECKSUM_DIGITS: Final = 16


def choose_directory(fallback: Path | None) -> Path | None:
    """Return where Python keeps the compiled code of this package, so that all servers of a release share one file.

    Return `fallback` if this process may not write there, or if Python does not write compiled code.
    """
    compiled_code = Path(cache_from_source(__file__)).parent
    return fallback if sys.dont_write_bytecode or not os.access(compiled_code, os.W_OK) else compiled_code


class SummaryCache:
    """The summaries that a file holds, and those that were added. Without a directory it keeps nothing."""

    def __init__(self, directory: Path | None) -> None:
        self._path = None if directory is None else directory / FILE_NAME
        self._lines = _read_lines(self._path)
        self._used: dict[str, str] = {}
        self._is_complete = True

    def summarize(self, content: bytes) -> Summary:
        """Return the summary of a source file. Raises SyntaxError or ValueError if it is not Python."""
        key = sha256(content).hexdigest()
        line = self._lines.get(key, "")
        summary = _parse_line(line)
        if summary is None:
            self._is_complete = False
            summary = summarize(content)
            line = _format_line(key, summary)
        self._used[key] = line
        return summary

    def save(self) -> None:
        """Replace the file if summaries were added. What another process wrote in the meantime may be lost."""
        if self._path is None or self._is_complete:
            return
        lines = self._used if len(self._lines) > _MAX_LINES else self._intact_lines() | self._used
        new = self._path.with_name(f".{FILE_NAME}.{os.getpid()}-{get_ident()}.new")
        with suppress(OSError):
            try:
                new.touch(MODE)
                new.write_text("".join(f"{line}\n" for line in lines.values()), encoding="utf-8")
                new.replace(self._path)
                self._is_complete = True
            finally:
                new.unlink(missing_ok=True)

    def _intact_lines(self) -> dict[str, str]:
        return {key: line for key, line in self._lines.items() if _parse_line(line)}


def _read_lines(path: Path | None) -> dict[str, str]:
    """Return {SHA-256 of a content: its line}, unverified."""
    try:
        text = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return {line.partition(" ")[0]: line for line in text.split("\n") if line}


def _format_line(key: str, summary: Summary) -> str:
    text = " ".join((key, summary.digest, *summary.imports))
    return f"{text} {_checksum(text)}"


def _parse_line(line: str) -> Summary | None:
    text, _, checksum = line.rpartition(" ")
    if not text or checksum != _checksum(text):
        return None
    _, digest, *imports = text.split(" ")
    return Summary(digest, tuple(imports))


def _checksum(text: str) -> str:
    return sha256(f"{ALGORITHM} {text}".encode("utf-8", "surrogatepass")).hexdigest()[:_CHECKSUM_DIGITS]
