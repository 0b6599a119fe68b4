"""The cost of upcasting by rules, without parsing, compared with parsing and serializing the event once."""

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.call_timing import microseconds
from benchmarks.evolved_schema import Version, build_versions
from benchmarks.schema_change import CHANGE_KINDS, cycle_changes
from benchmarks.table import Row
from benchmarks.version_draft import Change

MAX_COST = 1.5


def measure(hops: int) -> Row:
    """Return the µs per hop of an event that is `hops` versions old, with a typical change in each version."""
    return _row(f"upcast by rules, {hops} hops of all kinds", cycle_changes(hops), hops)


def measure_kind(kind: str) -> Row:
    """Return the µs of one hop with this kind of change."""
    return _row(f"upcast by rules, 1 hop: {kind}", CHANGE_KINDS[kind], 1)


def _row(name: str, changes: Sequence[Change], hops: int) -> Row:
    versions = build_versions(changes)
    old, newest = versions[-1 - hops], versions[-1]
    reads: list[Callable[[], object]] = [old.read, old.parse, newest.read, newest.parse]
    read, parsed, read_newest, parsed_newest, bare = microseconds([*reads, partial(_parse_and_serialize, old)])
    # The newest version may take longer, if the public event has the shape of an older one.
    upcast_time = max(read - parsed, read_newest - parsed_newest)
    return Row(name, "µs a hop", upcast_time / hops, "parse and serialize it", bare, max_cost=MAX_COST)


def _parse_and_serialize(version: Version) -> bytes:
    message = version.kind()
    message.MergeFromString(version.stored)
    return bytes(message.SerializeToString())
