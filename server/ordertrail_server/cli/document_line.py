"""Splits a file of JSON documents, one per line, into documents to import."""

from collections.abc import Iterator
from typing import IO, NamedTuple

MAX_DOCUMENT_BYTES = 65_536  # bytes, as the contract bounds SourceDocument.json


class DocumentLine(NamedTuple):
    """A line that is not blank. `json` is None if the line is too long for a document."""

    number: int
    json: bytes | None


def read_document_lines(file: IO[bytes]) -> Iterator[DocumentLine]:
    """Yield the lines that are not blank, counted from 1. Memory use does not grow with a line's length."""
    file.seek(0)
    number = 0
    while line := file.readline(MAX_DOCUMENT_BYTES + 2):
        number += 1
        too_long = _skip_rest(file, line) or len(line.rstrip(b"\r\n")) > MAX_DOCUMENT_BYTES
        if too_long:
            yield DocumentLine(number, None)
        elif line.strip():
            yield DocumentLine(number, line.rstrip(b"\r\n"))


def _skip_rest(file: IO[bytes], piece: bytes) -> bool:
    """Skip the rest of a line after a piece of it. Return whether there was a rest."""
    skipped = False
    while not piece.endswith(b"\n") and (piece := file.readline(MAX_DOCUMENT_BYTES)):
        skipped = True
    return skipped
