"""Fuse two hops by rules into one plan, so that both together parse and serialize an event once."""

from ordertrail_server.schema.hops.plan import Match, Path, Plan, Rule, Value, names, oneof_of
from ordertrail_server.schema.hops.plan_gaps import plan_gaps


class _NotFusible(Exception):
    """The hops cannot be fused and must run one after the other."""


def fuse_plans(first: Plan, second: Plan) -> Plan | None:
    """Return one plan that does the work of both, or None if there is no such plan."""
    try:
        return _join(first, second)
    except _NotFusible:
        return None


def _join(first: Plan, second: Plan) -> Plan:
    plan = Plan(first.old, second.new, tuple(_trace_match(first, match) for match in second.matches))
    if plan_gaps(plan) or any(oneof_of(match.new[-1]) for match in plan.matches):
        raise _NotFusible
    return plan


def _trace_match(first: Plan, match: Match) -> Match:
    """Return the source of a value before both hops."""
    if not match.old:
        return match
    source = _source(first, match.old)
    if source.rule is Rule.ABSENT:
        return Match(Rule.ABSENT, (), match.new)
    if source.rule is not Rule.LITERAL:
        return Match(Rule.FROM, source.old, match.new, _combine_changes(source.value, match.value))
    literal = match.value.enum[source.literal] if match.value.enum else source.literal
    return Match(Rule.LITERAL, (), match.new, literal=literal)


def _source(plan: Plan, path: Path) -> Match:
    """Return the match that fills the field at a path of the new message."""
    filling = plan.find_filling(names(path))
    if filling is None:
        # A message that is assembled field by field is the value of no field.
        raise _NotFusible
    match, inside = filling
    return _source_inside(match, path[len(match.new) :]) if inside else match


def _source_inside(match: Match, path: Path) -> Match:
    if match.rule is Rule.ABSENT:
        return match
    if match.value.to_list:
        raise _NotFusible
    if match.value.message is None:
        return Match(Rule.FROM, (*match.old, *path), path)
    inner = _source(match.value.message, path)
    if inner.rule is Rule.LITERAL:
        raise _NotFusible
    return inner if inner.rule is Rule.ABSENT else Match(Rule.FROM, (*match.old, *inner.old), path, inner.value)


def _combine_changes(first: Value, second: Value) -> Value:
    """Return two changes of a value as one."""
    enum, message = first.enum or second.enum, first.message or second.message
    if first.enum is not None and second.enum is not None:
        enum = {number: second.enum[new_number] for number, new_number in first.enum.items()}
    if first.message is not None and second.message is not None:
        message = _join(first.message, second.message)
    same_bytes = first.same_bytes and second.same_bytes
    return Value(same_bytes, enum, message, first.to_list or second.to_list, first.widened or second.widened)
