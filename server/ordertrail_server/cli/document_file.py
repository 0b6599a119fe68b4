"""The file of an import: read once if it can be read only once, known by its digest, and refused in another format."""

from collections.abc import Iterator
from hashlib import file_digest
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO

from ordertrail_server.cli.document_lines import DocumentLine, document_lines
from ordertrail_server.cli.input_format import HEAD_BYTES, describe_other_format


class InputRefused(Exception):
    """The file cannot be read, or is no file of documents; says which, and what is expected."""


class DocumentFile:
    """The documents of a file; `origin_prefix` is what the origin of each begins with. Raises InputRefused."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        try:
            self._file = open_rewindable(file)
            other_format = describe_other_format(self._file.read(HEAD_BYTES))
            self.origin_prefix = origin_prefix(self._file)
        except OSError as error:
            raise InputRefused(f"{name} cannot be read: {error.strerror}.") from error
        if other_format:
            raise InputRefused(f"{name} {other_format}.")

    def lines(self) -> Iterator[DocumentLine]:
        """Yield the lines that are not blank."""
        return document_lines(self._file)


def open_rewindable(file: IO[bytes]) -> IO[bytes]:
    """Return the file at its beginning; of what can be read only once, as from a pipe, a copy. Raises OSError."""
    if file.seekable():
        rewindable_file = file
    else:
        rewindable_file = TemporaryFile()  # noqa: SIM115  (without a name: nothing is left behind)
        copyfileobj(file, rewindable_file)
    rewindable_file.seek(0)
    return rewindable_file


def origin_prefix(file: IO[bytes]) -> str:
    """Return what the origins of a file's lines begin with: the first 32 hex digits of its SHA-256."""
    file.seek(0)
    return f"file:{file_digest(file, 'sha256').hexdigest()[:32]}:"  # type: ignore[arg-type]  # any binary file will do
