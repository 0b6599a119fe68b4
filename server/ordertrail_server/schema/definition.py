"""The definition of a store that is folded from the log: everything besides the log that determines its rows.

A store with another definition is never trusted: it is rebuilt.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order

SERVER = Path(__file__).parent.parent

# The rules and the upcasters of all stores; each store adds its own sources.
RULES = ("orders/**/*.py", "schema/**/*.py", "log/placement.py")


@cache
def definition_of(*sources: str) -> bytes:
    """Return the SHA-256 over the rules, the store's own sources (globs below the server) and the shapes: 32 bytes."""
    parts = [*_contents(RULES + sources), *_shapes()]
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def _contents(patterns: tuple[str, ...]) -> list[bytes]:
    files = sorted({path for pattern in patterns for path in SERVER.glob(pattern)})
    return [part for path in files for part in (path.relative_to(SERVER).as_posix().encode(), path.read_bytes())]


def _shapes() -> list[bytes]:
    files: dict[str, bytes] = {}
    for message in (Record, HistoryEvent, Order):
        _add_with_imports(message.DESCRIPTOR.file, files)
    return [part for name in sorted(files) for part in (name.encode(), files[name])]


def _add_with_imports(file: FileDescriptor, files: dict[str, bytes]) -> None:
    if file.name not in files:
        files[file.name] = file.serialized_pb
        for imported in file.dependencies:
            _add_with_imports(imported, files)
