"""The definition of the order history: a digest of the code that fills it. Each definition has a file of its own."""

from pathlib import Path

from ordertrail_server.schema.definition import definition_of

# The files that determine rows, besides the rules that all stores share.
SOURCES = (
    "log/position.py",
    "projections/fold.py",
    "projections/order_history_ddl.py",
    "projections/retry.py",
    "projections/rows.py",
    "projections/stored_orders.py",
)


def definition_digest() -> bytes:
    """Return the definition of the order history: 32 bytes."""
    return definition_of(*SOURCES)


def read_model_file(directory: Path) -> Path:
    """Return the file of this definition's read model in the directory of read models."""
    return directory / f"order-history-{definition_digest().hex()[:12]}.sqlite"
