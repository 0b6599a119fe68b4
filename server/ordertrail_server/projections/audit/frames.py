"""How the process of an audit reports to the server: frames of a length, a kind and contents, on its stdout."""

from asyncio import IncompleteReadError, StreamReader
from struct import Struct
from typing import NamedTuple

_HEADER = Struct(">Ic")

MESSAGE = b"M"
"""The kind of a serialized AuditProjectionsResponse."""
DAMAGE = b"D"
"""The kind of a damaged file, as JSON: {"file": "…", "damage": "…"}."""


class Frame(NamedTuple):
    """One frame."""

    kind: bytes
    contents: bytes


def write_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    return _HEADER.pack(len(frame.contents), frame.kind) + frame.contents


async def read_frame(stream: StreamReader) -> Frame | None:
    """Return the next frame; None if the stream ends, even within a frame."""
    try:
        length, kind = _HEADER.unpack(await stream.readexactly(_HEADER.size))
        return Frame(kind, await stream.readexactly(length))
    except IncompleteReadError:
        return None
