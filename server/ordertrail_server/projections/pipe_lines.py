"""Reads the lines that a child process writes to a pipe."""

from asyncio import StreamReader
from collections.abc import AsyncIterator

LONGEST_LINE = 64 * 1024


async def read_lines(stream: StreamReader | None) -> AsyncIterator[bytes]:
    """Yield lines without their ends. A line of more than LONGEST_LINE bytes comes in pieces."""
    # StreamReader.readline raises ValueError at a line that is too long.
    assert stream is not None
    partial_line = b""
    while chunk := await stream.read(LONGEST_LINE):
        *lines, partial_line = (partial_line + chunk).split(b"\n")
        if len(partial_line) >= LONGEST_LINE:
            lines, partial_line = [*lines, partial_line], b""
        for line in lines:
            yield line
    if partial_line:
        yield partial_line
