"""Gaps of a plan as a whole: reused numbers, fields that are read twice, several members set in one oneof."""

from collections import Counter
from collections.abc import Iterator, Set

from ordertrail_server.schema.hops.plan import Match, Names, Plan, Rule, names, oneof_of


def plan_gaps(plan: Plan, unmatched_fields: Set[str] = frozenset()) -> list[str]:
    """Return each gap of a plan with its remedy. Gaps in nested messages are not included.

    `unmatched_fields` has the full names of the new fields that have no match, because of another gap.
    """
    return [*_number_gaps(plan, unmatched_fields), *oneof_gaps(plan), *_dropped_gaps(plan)]


def _dropped_gaps(plan: Plan) -> Iterator[str]:
    dropped = {names(path) for path in plan.dropped}
    for match in plan.matches:
        if match.old and names(match.old) in dropped:
            path, reader = ".".join(names(match.old)), match.new[-1].full_name
            yield f"{plan.new.full_name} drops {path}, which {reader} reads: remove it from `dropped`"


def _number_gaps(plan: Plan, unmatched_fields: Set[str]) -> Iterator[str]:
    # The old bytes are parsed as the new message, so another field of the same number would get the old field's value.
    kept_numbers = {match.new[0].number for match in plan.matches if match.in_place}
    for number, field in plan.new.fields_by_number.items():
        before = plan.old.fields_by_number.get(number)
        if before is not None and number not in kept_numbers and field.full_name not in unmatched_fields:
            problem = f"{field.full_name} has the number {number} of {before.full_name}"
            yield f"{problem}: give it a number that was never used"


def double_read_gaps(plan: Plan) -> Iterator[str]:
    """Yield the gap of each old field that several new fields read, also in nested messages."""
    reads = Counter(_reads(plan))
    for path in reads:
        # A match that reads an enclosing message also reads the fields in it.
        count = sum(reads[path[:end]] for end in range(1, len(path) + 1))
        if count > 1:
            yield f"{plan.old.full_name}.{'.'.join(path)} is read by {count} fields of {plan.new.full_name}: keep one"


def _reads(plan: Plan) -> Iterator[Names]:
    for match in plan.matches:
        if match.value.message is not None:
            yield from ((*names(match.old), *path) for path in _reads(match.value.message))
        elif match.old:
            yield names(match.old)


def oneof_gaps(plan: Plan) -> Iterator[str]:
    """Yield the gap of each oneof that might get two members. Oneofs of nested messages are not checked."""
    for oneof, members in _filled(plan).items():
        matches_of_oneof = [match for matches in members.values() for match in matches]
        if len(members) > 1 and not _from_one_oneof(matches_of_oneof):
            problem = f"the members {', '.join(members)} of {oneof[1]} are read from fields that may be set together"
            yield f"{problem}: use separate fields"
        else:
            literals = [match.new[-1].full_name for match in matches_of_oneof if match.rule is Rule.LITERAL]
            for name in literals:
                yield f"{name} has a literal, though {oneof[1]} may hold another member: use `absent`"


def _filled(plan: Plan) -> dict[tuple[Names, str], dict[str, list[Match]]]:
    """Return {(path of a oneof, its name): {member: the matches that fill it or its fields}}."""
    filled: dict[tuple[Names, str], dict[str, list[Match]]] = {}
    for match in plan.matches:
        for depth, field in enumerate(match.new if match.rule is not Rule.ABSENT else ()):
            if oneof := oneof_of(field):
                members = filled.setdefault((names(match.new[:depth]), oneof), {})
                members.setdefault(field.name, []).append(match)
    return filled


def _from_one_oneof(members: list[Match]) -> bool:
    sources = {(names(match.old[:-1]), oneof_of(match.old[-1]) if match.old else "") for match in members}
    return len(sources) == 1 and not any(oneof == "" for _, oneof in sources)
