"""Where a field came from through all versions that rules lead through: the name that it was first stored under."""

from collections.abc import Sequence

from google.protobuf.descriptor import EnumDescriptor

from ordertrail_server.schema.hops.plan import Match, Names, Plan, names
from ordertrail_server.schema.hops.values import held_in


def first_path(past: Sequence[Plan], path: Names) -> Names:
    """Return the path under which the field at `path` was first stored. `past` has the hops, the last one first."""
    for plan in past:
        before = _before(plan, path)
        if before is None:
            break
        path = before
    return path


def comes_through(past: Sequence[Plan], path: Names) -> bool:
    """Return whether the value at `path` was there before all of these hops, the last one first."""
    for plan in past:
        before = _before(plan, path)
        if before is None:
            return False
        path = before
    return True


def first_names(past: Sequence[Plan], path: Names) -> dict[str, str]:
    """Return {value of the enum at `path`: what it was first called}, where that is another name and but one."""
    first: dict[str, str] | None = None
    for plan in past:
        found, before = _match_of(plan, path), _before(plan, path)
        if found is None or before is None:
            break
        was = _was(found)
        first = was if first is None else {now: was.get(then, then) for now, then in first.items()}
        path = before
    return {now: then for now, then in (first or {}).items() if now != then}


def moved_in(past: Sequence[Plan], path: Names) -> bool:
    """Return whether the message at `path` got its fields one by one, in any hop."""
    for plan in past:
        if _moves_in(plan, path):
            return True
        before = _before(plan, path)
        if before is None:
            return False
        path = before
    return False


def _moves_in(plan: Plan, path: Names) -> bool:
    filling = plan.filling(path)
    if filling is None:
        return any(path == place[: len(path)] for place in plan.by_place)
    found, inner = filling
    return bool(inner and found.value.message and _moves_in(found.value.message, inner))


def _before(plan: Plan, path: Names) -> Names | None:
    """Return where the value at a path came from, None if it came from nowhere."""
    filling = plan.filling(path)
    if filling is None:
        return path
    found, inner = filling
    rest = _before(found.value.message, inner) if inner and found.value.message else inner
    return None if rest is None or not found.old else (*names(found.old), *rest)


def _match_of(plan: Plan, path: Names) -> Match | None:
    filling = plan.filling(path)
    if filling is None:
        return None
    found, inner = filling
    return _match_of(found.value.message, inner) if inner and found.value.message else found


def _was(found: Match) -> dict[str, str]:
    old, new = (held_in(path[-1]).enum_type if path else None for path in (found.old, found.new))
    if old is None or new is None:
        return {}
    pairs = [(_now(found, number, new), value.name) for number, value in old.values_by_number.items()]
    return {now: then for now, then in pairs if [one for one, _ in pairs].count(now) == 1}


def _now(found: Match, number: int, new: EnumDescriptor) -> str:
    return new.values_by_number[(found.value.enum or {}).get(number, number)].name
