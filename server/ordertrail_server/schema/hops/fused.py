"""Two hops by rules made one plan, so that an event is parsed and serialized once for both."""

from ordertrail_server.schema.hops.guards import plan_gaps
from ordertrail_server.schema.hops.plan import Match, Path, Plan, Rule, Value, names, oneof_of


class _Apart(Exception):
    """The hops must be taken one after the other."""


def fused(first: Plan, second: Plan) -> Plan | None:
    """Return the plan that reads what the two read one after the other, None if there is none."""
    try:
        return _join(first, second)
    except _Apart:
        return None


def _join(first: Plan, second: Plan) -> Plan:
    plan = Plan(first.old, second.new, tuple(_follow(first, found) for found in second.matches))
    if plan_gaps(plan) or any(oneof_of(found.new[-1]) for found in plan.matches):
        raise _Apart
    return plan


def _follow(first: Plan, found: Match) -> Match:
    """Return where a value comes from, two hops back."""
    if not found.old:
        return found
    before = _source(first, found.old)
    if before.rule is Rule.ABSENT:
        return Match(Rule.ABSENT, (), found.new)
    if before.rule is not Rule.LITERAL:
        return Match(Rule.FROM, before.old, found.new, _change(before.value, found.value))
    literal = found.value.enum[before.literal] if found.value.enum else before.literal
    return Match(Rule.LITERAL, (), found.new, literal=literal)


def _source(plan: Plan, path: Path) -> Match:
    """Return how the field at a path of the new message, or in a message there, gets its value."""
    filling = plan.filling(names(path))
    if filling is None:
        # A message whose fields moved in one by one is the value of no field.
        raise _Apart
    found, inside = filling
    return _source_inside(found, path[len(found.new) :]) if inside else found


def _source_inside(found: Match, rest: Path) -> Match:
    if found.rule is Rule.ABSENT:
        return found
    if found.value.to_list:
        raise _Apart
    if found.value.message is None:
        return Match(Rule.FROM, (*found.old, *rest), rest)
    inner = _source(found.value.message, rest)
    if inner.rule is Rule.LITERAL:
        raise _Apart
    return inner if inner.rule is Rule.ABSENT else Match(Rule.FROM, (*found.old, *inner.old), rest, inner.value)


def _change(one: Value, other: Value) -> Value:
    """Return two changes of a value as one."""
    enum, message = one.enum or other.enum, one.message or other.message
    if one.enum is not None and other.enum is not None:
        enum = {number: other.enum[now] for number, now in one.enum.items()}
    if one.message is not None and other.message is not None:
        message = _join(one.message, other.message)
    same_bytes = one.same_bytes and other.same_bytes
    return Value(same_bytes, enum, message, one.to_list or other.to_list, one.widened or other.widened)
