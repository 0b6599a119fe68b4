"""All versions of all events that this release knows, for operators."""

from typing import NamedTuple

from ordertrail_server.schema.registry import PUBLIC, READERS


class Version(NamedTuple):
    """One version of one event."""

    message: str
    """The full name of the stored message."""

    version: int
    """2 for a message of `ordertrail.events.v2`."""

    number: int
    """Its number in the record."""

    reads_as: str
    """The full name of the message that it reads as: the next version, or the public event."""

    written: bool
    """Whether new facts are written as this message."""


def versions() -> list[Version]:
    """Return all versions, sorted by number."""
    written = {hop.case.number for hop in PUBLIC.hops.values() if hop.writes is not None}
    return [
        Version(reader.name, reader.version, number, reader.hops[0].new.full_name, number in written)
        for number, reader in sorted(READERS.items())
    ]
