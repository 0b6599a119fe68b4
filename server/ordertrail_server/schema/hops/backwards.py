"""A hop by rules taken back: how a message reads as its predecessor again, as far as it came from there."""

from collections.abc import Iterator
from dataclasses import replace

from ordertrail_server.schema.hops.plan import Match, Plan
from ordertrail_server.schema.hops.public_match import inverse


def kept(plan: Plan) -> Plan:
    """Return what a plan takes from the old message, nested messages too: neither literals nor absence."""
    return Plan(plan.old, plan.new, tuple(_kept(found) for found in plan.matches if found.old))


def backwards(plan: Plan) -> Plan:
    """Return the plan that gives an old message what a new one took from it; the plan must have no `one_way_gaps`."""
    return inverse(kept(plan))


def one_way_gaps(plan: Plan) -> Iterator[str]:
    """Yield what cannot be taken back, nested messages too: the new field, and how it holds more than the old one."""
    for found in plan.matches:
        value, name = found.value, found.new[-1].full_name
        if value.to_list:
            yield f"{name} is a list of what was one value"
        elif value.widened:
            yield f"{name} holds more numbers than its predecessor"
        elif value.enum is not None and len({*value.enum.values()}) < len(value.enum):
            yield f"{name} does not tell all values of its predecessor apart"
        elif value.message is not None:
            yield from one_way_gaps(value.message)


def _kept(found: Match) -> Match:
    message = found.value.message
    return found if message is None else replace(found, value=replace(found.value, message=kept(message)))
