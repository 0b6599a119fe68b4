"""Field numbers of an earlier version that a later version reuses for another field.

Readers are safe, because each version is a message of its own, but people who look at bytes would be misled. A field
may get its own earlier number back.
"""

from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor

from ordertrail_server.schema.families import Families
from ordertrail_server.schema.hops.plan import Plan


def reused_number_gaps(families: Families) -> list[str]:
    """Return a gap for each field, nested ones included, whose number belonged to another field before."""
    pairs = [pair for hop in families.hops.values() if hop.plan for pair in _pairs(hop.plan)]
    before: dict[str, dict[str, Descriptor]] = {}
    for old, new in pairs:
        before.setdefault(new.full_name, {})[old.full_name] = old
    messages = {new.full_name: new for _, new in pairs}
    return [gap for name in messages for gap in _gaps(messages[name], before)]


def _pairs(plan: Plan) -> Iterator[tuple[Descriptor, Descriptor]]:
    yield plan.old, plan.new
    for match in plan.matches:
        if match.value.message is not None:
            yield from _pairs(match.value.message)


def _gaps(message: Descriptor, before: dict[str, dict[str, Descriptor]]) -> Iterator[str]:
    direct = before[message.full_name]
    earlier = _earlier(direct, before)
    direct_numbers = {number for old in direct.values() for number in old.fields_by_number}
    for number, field in message.fields_by_number.items():
        earlier_fields = [old.fields_by_number[number] for old in earlier if number in old.fields_by_number]
        if (
            earlier_fields
            and number not in direct_numbers
            and all(field.name != earlier_field.name for earlier_field in earlier_fields)
        ):
            problem = f"{field.full_name} has the number {number} of {earlier_fields[0].full_name}"
            yield f"{problem}: give it a number that was never used"


def _earlier(direct: dict[str, Descriptor], before: dict[str, dict[str, Descriptor]]) -> list[Descriptor]:
    """Return all ancestors of these messages."""
    ancestors: dict[str, Descriptor] = {}
    names = list(direct)
    while names:
        for name, old in before.get(names.pop(), {}).items():
            if name not in ancestors:
                ancestors[name] = old
                names.append(name)
    return list(ancestors.values())
