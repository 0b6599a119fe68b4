"""A file of JSON documents, one a line, as documents to import."""

from collections.abc import Iterator
from typing import IO, NamedTuple

LONGEST = 65_536  # bytes, as the contract bounds SourceDocument.json


class DocumentLine(NamedTuple):
    """A line that is not blank; `json` is None if it is longer than a document may be."""

    number: int
    json: bytes | None


def document_lines(file: IO[bytes]) -> Iterator[DocumentLine]:
    """Yield the lines, counted from 1; holds one at a time, however long it is."""
    file.seek(0)
    number = 0
    while line := file.readline(LONGEST + 2):
        number += 1
        too_long = _skip_rest(file, line) or len(line.rstrip(b"\r\n")) > LONGEST
        if too_long:
            yield DocumentLine(number, None)
        elif line.strip():
            yield DocumentLine(number, line.rstrip(b"\r\n"))


def _skip_rest(file: IO[bytes], piece: bytes) -> bool:
    """Skip what follows in the line of which a piece was read; say whether there was anything."""
    skipped = False
    while not piece.endswith(b"\n") and (piece := file.readline(LONGEST)):
        skipped = True
    return skipped
