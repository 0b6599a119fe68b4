"""Reverse a hop by rules: read a message as its predecessor, with the values that came from there."""

from collections.abc import Iterator
from dataclasses import replace

from ordertrail_server.schema.hops.plan import Match, Plan
from ordertrail_server.schema.hops.public_match import invert_plan


def copied_part(plan: Plan) -> Plan:
    """Return a plan without literals and absent fields, nested plans included: what it copies from the old message."""
    return Plan(plan.old, plan.new, tuple(_copied_match(match) for match in plan.matches if match.old))


def reverse_plan(plan: Plan) -> Plan:
    """Return the plan that reads the new message as the old one. The plan must have no `one_way_gaps`."""
    return invert_plan(copied_part(plan))


def one_way_gaps(plan: Plan) -> Iterator[str]:
    """Yield each new field, also nested, that cannot be converted back to its predecessor, with the reason."""
    for match in plan.matches:
        value, name = match.value, match.new[-1].full_name
        if value.to_list:
            yield f"{name} is a list, and its predecessor a single value"
        elif value.widened:
            yield f"{name} has a wider type than its predecessor"
        elif value.enum is not None and len({*value.enum.values()}) < len(value.enum):
            yield f"{name} gives several values of its predecessor the same meaning"
        elif value.message is not None:
            yield from one_way_gaps(value.message)


def _copied_match(match: Match) -> Match:
    message = match.value.message
    return match if message is None else replace(match, value=replace(match.value, message=copied_part(message)))
