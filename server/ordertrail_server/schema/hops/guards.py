"""What a plan must not do beyond its single fields: reuse numbers, read a value twice, fill two members of a oneof."""

from collections import Counter
from collections.abc import Iterator

from ordertrail_server.schema.hops.plan import Match, Plan, Rule, names, oneof_of


def plan_gaps(plan: Plan) -> list[str]:
    """Return what is wrong with a plan as a whole, nested messages left out, as sentences that say how to mend it."""
    return [*_number_gaps(plan), *_double_gaps(plan), *_oneof_gaps(plan)]


def _number_gaps(plan: Plan) -> Iterator[str]:
    # The bytes of the old message are parsed as the new one, so that all that stays in place costs nothing.
    kept = {found.new[0].number for found in plan.matches if found.in_place}
    for number, field in plan.new.fields_by_number.items():
        if number in plan.old.fields_by_number and number not in kept:
            before = plan.old.fields_by_number[number].full_name
            yield f"{field.full_name} has the number {number} of {before}: give it a number that was never used"


def _double_gaps(plan: Plan) -> Iterator[str]:
    uses = Counter(names(found.old) for found in plan.matches if found.old)
    for path, count in uses.items():
        if count > 1:
            yield f"{plan.old.full_name}.{'.'.join(path)} is read by {count} fields of {plan.new.full_name}: keep one"


def _oneof_gaps(plan: Plan) -> Iterator[str]:
    filled: dict[str, list[Match]] = {}
    for found in plan.matches:
        oneof = oneof_of(found.new[-1])
        if oneof and found.rule is not Rule.ABSENT:
            filled.setdefault(oneof, []).append(found)
    for name, members in filled.items():
        if len(members) > 1 and not _from_one_oneof(members):
            yield f"{name} gets its members from several fields, of which two may be set: keep them apart"
        elif any(member.rule is Rule.LITERAL for member in members):
            yield f"{name} has a literal, though it may hold another member: say `absent` there"


def _from_one_oneof(members: list[Match]) -> bool:
    sources = {oneof_of(member.old[-1]) if member.old else "" for member in members}
    return len(sources) == 1 and "" not in sources
