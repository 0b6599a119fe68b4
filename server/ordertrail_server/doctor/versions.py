"""Checks the libraries and the limits of a server's process."""

from ordertrail_server.doctor.finding import Finding, error, ok
from ordertrail_server.storage.descriptors import descriptor_limit, refuse_low_limit
from ordertrail_server.storage.sqlite import UnsafeSqliteVersion, check_sqlite_version, sqlite3

SQLITE, DESCRIPTORS = "sqlite", "descriptors"


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Finding:
    """Check that SQLite is without the WAL-reset bug."""
    try:
        check_sqlite_version(version)
    except UnsafeSqliteVersion as unsafe:
        return error(
            SQLITE, str(unsafe), "Install the package again: pip install --force-reinstall 'ordertrail[server]'."
        )
    return ok(SQLITE, f"SQLite {'.'.join(map(str, version))} is without the WAL-reset bug.")


def check_descriptors() -> Finding:
    """Check that a server may open enough files. It has the limit of this process if it is started in the same way."""
    try:
        refuse_low_limit()
    except OSError as low:
        return error(DESCRIPTORS, f"A server does not start, because {low}.", "Raise the limit: ulimit -n 1024.")
    return ok(DESCRIPTORS, f"A process may open {descriptor_limit() or 'any number of'} files.")
