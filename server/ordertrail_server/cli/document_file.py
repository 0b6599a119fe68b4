"""The input file of an import: it is identified by its digest, and refused if it has another format."""

from collections.abc import Iterator
from hashlib import file_digest
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO

from ordertrail_server.cli.document_line import DocumentLine, read_document_lines
from ordertrail_server.cli.input_format import HEAD_BYTES, describe_other_format
from ordertrail_server.operator_error import OperatorError


class InputRefused(OperatorError):
    """The file cannot be read, or holds no documents. The message says what is expected."""


class DocumentFile:
    """The documents of a file. `origin_prefix` is the common prefix of their origins. Raises InputRefused."""

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
        return read_document_lines(self._file)


def open_rewindable(file: IO[bytes]) -> IO[bytes]:
    """Return the file, at its beginning. Copies a file that can be read only once, such as a pipe. Raises OSError."""
    if file.seekable():
        rewindable_file = file
    else:
        rewindable_file = TemporaryFile()  # noqa: SIM115  (unnamed, so no file remains)
        copyfileobj(file, rewindable_file)
    rewindable_file.seek(0)
    return rewindable_file


def origin_prefix(file: IO[bytes]) -> str:
    """Return the common prefix of the origins of a file's lines: the first 32 hex digits of its SHA-256."""
    file.seek(0)
    return f"file:{file_digest(file, 'sha256').hexdigest()[:32]}:"  # type: ignore[arg-type]  # any binary file will do
