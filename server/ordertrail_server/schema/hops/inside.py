"""The messages in a field that was parsed in place, each mended: the one, the several, or those of a map."""

from collections.abc import Sequence
from typing import Any

from ordertrail_server.schema.hops.moves import Into
from ordertrail_server.schema.hops.plan import Match
from ordertrail_server.schema.hops.values import is_map


def inside(found: Match, fixes: Sequence[Into]) -> Into:
    """Return what applies the fixes to each pair of messages in a field, the old one and the new one."""

    def each(old: Any, new: Any) -> None:
        for fix in fixes:
            fix(old, new)

    was, now = found.old[0], found.new[0]
    if is_map(was):
        return _mapped(was.name, now.name, each)
    if was.is_repeated:
        return _several(was.name, now.name, each)
    return _one(was.name, now.name, each, now.is_repeated)


def _one(was: str, now: str, each: Into, to_list: bool) -> Into:
    def mend(old: Any, new: Any) -> None:
        if old.HasField(was):
            after = getattr(new, now)
            each(getattr(old, was), after[0] if to_list else after)

    return mend


def _several(was: str, now: str, each: Into) -> Into:
    def mend(old: Any, new: Any) -> None:
        for before, after in zip(getattr(old, was), getattr(new, now), strict=True):
            each(before, after)

    return mend


def _mapped(was: str, now: str, each: Into) -> Into:
    def mend(old: Any, new: Any) -> None:
        after = getattr(new, now)
        for key, before in getattr(old, was).items():
            each(before, after[key])

    return mend
