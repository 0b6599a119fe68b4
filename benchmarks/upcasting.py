"""What hops by rules cost an event beyond parsing it, beside parsing and serializing it once."""

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.changes import KINDS, in_turn
from benchmarks.drafts import Change
from benchmarks.grown_tree import Version, versions_of
from benchmarks.table import Row
from benchmarks.timing import microseconds

CEILING = 1.5


def measure(hops: int) -> Row:
    """Return the µs a hop of an event that many versions old, each of which made another typical change."""
    return _row(f"upcast by rules, {hops} hops, of all kinds in turn", in_turn(hops), hops)


def measure_kind(kind: str) -> Row:
    """Return the µs of the one hop to a version that made this kind of change."""
    return _row(f"upcast by rules, 1 hop: {kind}", KINDS[kind], 1)


def _row(name: str, changes: Sequence[Change], hops: int) -> Row:
    versions = versions_of(changes)
    old, newest = versions[-1 - hops], versions[-1]
    reads: list[Callable[[], object]] = [old.read, old.parse, newest.read, newest.parse]
    read, parsed, read_newest, parsed_newest, bare = microseconds([*reads, partial(_parse_and_serialize, old)])
    # The public event may have an older shape: then events of the newest version are those that take longer.
    more = max(read - parsed, read_newest - parsed_newest)
    return Row(name, "µs a hop", more / hops, "parse and serialize it", bare, ceiling=CEILING)


def _parse_and_serialize(version: Version) -> bytes:
    message = version.kind()
    message.MergeFromString(version.stored)
    return bytes(message.SerializeToString())
