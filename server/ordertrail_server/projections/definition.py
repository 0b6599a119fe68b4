"""The definition of the order history: what its rows follow from, besides the log.

Another definition is another read model in another file, built from offset 0; rows of two are never mixed.
"""

from functools import cache
from hashlib import sha256
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor

from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.order_pb2 import Order

SERVER = Path(__file__).parent.parent

# The rules and the upcasters as a whole, and of this package what decides on rows.
SOURCES = (
    "orders/**/*.py",
    "schema/**/*.py",
    "log/placement.py",
    "projections/fold.py",
    "projections/order_history_ddl.py",
    "projections/rows.py",
    "projections/stored_orders.py",
)


@cache
def definition_digest() -> bytes:
    """Return the SHA-256 over the fold's source and the shapes it reads and writes: 32 bytes."""
    parts = [*_sources(), *_shapes()]
    return sha256(b"".join(len(part).to_bytes(8) + part for part in parts)).digest()


def read_model_file(directory: Path) -> Path:
    """Return the file of this definition's read model in the directory of read models."""
    return directory / f"order-history-{definition_digest().hex()[:12]}.sqlite"


def _sources() -> list[bytes]:
    files = sorted({path for pattern in SOURCES for path in SERVER.glob(pattern)})
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
