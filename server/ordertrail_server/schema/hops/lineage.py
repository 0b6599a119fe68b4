"""The lineage of a field through the hops by rules, back to the name under which it was first stored."""

from collections.abc import Sequence

from google.protobuf.descriptor import EnumDescriptor

from ordertrail_server.schema.hops.plan import Match, Names, Plan, names
from ordertrail_server.schema.hops.values import value_field


def first_path(plans: Sequence[Plan], path: Names) -> Names:
    """Return the path under which the field at `path` was first stored. `plans` has the hops, the last one first."""
    for plan in plans:
        source = _source_of(plan, path)
        if source is None:
            break
        path = source
    return path


def existed_before(plans: Sequence[Plan], path: Names) -> bool:
    """Return whether the value at `path` existed before all of these hops (last hop first)."""
    for plan in plans:
        source = _source_of(plan, path)
        if source is None:
            return False
        path = source
    return True


def first_names(plans: Sequence[Plan], path: Names) -> dict[str, str]:
    """Return {value of the enum at `path`: its first name} for values that were renamed unambiguously."""
    earliest: dict[str, str] | None = None
    for plan in plans:
        match, source = _match_of(plan, path), _source_of(plan, path)
        if match is None or source is None:
            break
        old_names = _old_value_names(match)
        earliest = (
            old_names
            if earliest is None
            else {new_name: old_names.get(old_name, old_name) for new_name, old_name in earliest.items()}
        )
        path = source
    return {new_name: old_name for new_name, old_name in (earliest or {}).items() if new_name != old_name}


def is_assembled(plans: Sequence[Plan], path: Names) -> bool:
    """Return whether any hop assembled the message at `path` field by field."""
    for plan in plans:
        if _is_assembled_by(plan, path):
            return True
        source = _source_of(plan, path)
        if source is None:
            return False
        path = source
    return False


def _is_assembled_by(plan: Plan, path: Names) -> bool:
    filling = plan.find_filling(path)
    if filling is None:
        return any(path == place[: len(path)] for place in plan.by_place)
    match, inner = filling
    return bool(inner and match.value.message and _is_assembled_by(match.value.message, inner))


def _source_of(plan: Plan, path: Names) -> Names | None:
    """Return the path from which a hop takes the value at `path`, or None if it has no source."""
    filling = plan.find_filling(path)
    if filling is None:
        return path
    match, inner = filling
    inner_source = _source_of(match.value.message, inner) if inner and match.value.message else inner
    return None if inner_source is None or not match.old else (*names(match.old), *inner_source)


def _match_of(plan: Plan, path: Names) -> Match | None:
    filling = plan.find_filling(path)
    if filling is None:
        return None
    match, inner = filling
    return _match_of(match.value.message, inner) if inner and match.value.message else match


def _old_value_names(match: Match) -> dict[str, str]:
    old, new = (value_field(path[-1]).enum_type if path else None for path in (match.old, match.new))
    if old is None or new is None:
        return {}
    pairs = [(_new_value_name(match, number, new), value.name) for number, value in old.values_by_number.items()]
    return {new_name: old_name for new_name, old_name in pairs if [name for name, _ in pairs].count(new_name) == 1}


def _new_value_name(match: Match, number: int, new: EnumDescriptor) -> str:
    return new.values_by_number[(match.value.enum or {}).get(number, number)].name
