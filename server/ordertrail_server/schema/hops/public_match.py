"""Match the public event with the newest stored version in both directions: facts are read and written.

A stored field corresponds to the public field that has the name under which it was first stored. So renaming or moving
a stored field does not change the public event. Every field must correspond to one, and no value may change.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.hops.lineage import existed_before, first_names, first_path, is_assembled
from ordertrail_server.schema.hops.plan import Match, Names, Path, Plan, Rule, Value, find_field, names
from ordertrail_server.schema.hops.plan_gaps import double_read_gaps, oneof_gaps
from ordertrail_server.schema.hops.scalar_widening import loses_nothing
from ordertrail_server.schema.hops.unused_fields import unused_paths
from ordertrail_server.schema.hops.values import BOTH_WAYS, Mismatch, match_values, value_field, value_message
from ordertrail_server.schema.rules import field_rules


def match_public(
    newest: Descriptor, public: Descriptor, plans: Sequence[Plan], converted: int = 0
) -> tuple[Plan, list[str]]:
    """Return the plan from the newest stored version to its public event, and each gap with its remedy.

    `plans` has the hops by rules that lead to the newest version, the last one first. What comes through the last
    `converted` of them is left out, because Python functions of the version before those read and write it.
    """
    matcher = _PublicMatcher(plans, plans[:converted])
    plan = matcher.match(_Pair(newest, public, (), ()))
    # The fields that functions fill are unknown here; the round trip checks them.
    unfilled = () if converted else matcher.unfilled()
    gaps = [*matcher.gaps, *unfilled, *double_read_gaps(invert_plan(plan))]
    # A message that is nested in several places reports its gaps in each.
    return plan, list(dict.fromkeys(gaps))


def invert_plan(plan: Plan) -> Plan:
    """Return the plan of the opposite direction, by which new facts are written."""
    return Plan(plan.new, plan.old, tuple(_invert_match(match) for match in plan.matches))


def _invert_match(match: Match) -> Match:
    value = match.value
    enum = {new_number: old_number for old_number, new_number in value.enum.items()} if value.enum else None
    message = invert_plan(value.message) if value.message else None
    return Match(match.rule, match.new, match.old, Value(value.same_bytes, enum, message))


class _Pair(NamedTuple):
    """A stored message and the corresponding public message, and their paths in the two events."""

    stored: Descriptor
    public: Descriptor
    at: Names
    public_at: Names


class _PublicMatcher:
    def __init__(self, plans: Sequence[Plan], converted: Sequence[Plan]) -> None:
        self._plans, self._converted = plans, converted
        self._pairs: list[_Pair] = []
        self._enclosing: list[str] = []
        self._filled: set[Names] = set()
        self.gaps: list[str] = []

    def match(self, pair: _Pair) -> Plan:
        """Match two messages and the messages nested in them."""
        self._pairs.append(pair)
        self._enclosing.append(pair.stored.full_name)
        plan = Plan(pair.stored, pair.public, tuple(self._matches(pair, pair.stored, ())))
        self._enclosing.pop()
        self.gaps += [*oneof_gaps(plan), *oneof_gaps(invert_plan(plan))]
        return plan

    def unfilled(self) -> Iterator[str]:
        """Yield a gap for each public field without a stored field, at any depth of the event."""
        for pair in self._pairs:
            depth = len(pair.public_at)
            filled = {path[depth:] for path in self._filled if path[:depth] == pair.public_at}
            for path in unused_paths(pair.public, filled):
                name = f"{pair.public.full_name}.{'.'.join(path)}"
                problem = f"{name} has no field of {pair.stored.full_name} as its source"
                yield f"{problem}: set `public` on the field that corresponds to it"

    def _matches(self, pair: _Pair, message: Descriptor, within: Path) -> Iterator[Match]:
        """Yield the matches of a message's fields; `within` leads to it from the stored message of the pair."""
        for field in message.fields:
            place = (*within, field)
            path, at = self._public_path(pair, place), (*pair.at, *names(place))
            if self._converted and existed_before(self._converted, at):
                yield from self._new_inside(pair, place, at)
                continue
            depth = len(pair.public_at)
            target = find_field(pair.public, path[depth:]) if path[:depth] == pair.public_at else None
            if field_rules(field).not_public:
                continue
            if target is not None:
                yield from self._pair(place, target, at, path)
            elif field.message_type is not None and not field.is_repeated and self._is_taken_apart(field, at):
                yield from self._matches(pair, field.message_type, place)
            else:
                self.gaps.append(_not_public_gap(field, pair.public))

    def _is_taken_apart(self, field: FieldDescriptor, at: Names) -> bool:
        """Return whether the fields of a message correspond to public fields, and not the message itself."""
        inner_fields = field.message_type.fields if field.message_type else []
        return is_assembled(self._plans, at) or any(field_rules(inner_field).public for inner_field in inner_fields)

    def _new_inside(self, pair: _Pair, place: Path, at: Names) -> Iterator[Match]:
        """Yield the matches of the new fields in a message that functions convert."""
        field = place[-1]
        if field.message_type is None or field.message_type in [step.containing_type for step in place]:
            return
        if not field.is_repeated:
            yield from self._matches(pair, field.message_type, place)
            return
        for inner in (value_message(field) or field.message_type).fields:
            if not existed_before(self._converted, (*at, inner.name)) and not field_rules(inner).not_public:
                problem = f"{inner.full_name} is new in each of {field.full_name}, which a Python function converts"
                self.gaps.append(f"{problem}: set `not_public` on it, or {BOTH_WAYS}")

    def _pair(self, place: Path, target: Path, at: Names, public_at: Names) -> Iterator[Match]:
        self._filled.add(public_at)
        first = self._first_names(at, target[-1])

        def nested(stored: Descriptor, public: Descriptor) -> Plan:
            if stored.full_name in self._enclosing:
                leads_back = f"{place[-1].full_name} leads back to {stored.full_name}"
                raise Mismatch(f"{leads_back}, which is recursive, and rules cannot follow that: {BOTH_WAYS}")
            return self.match(_Pair(stored, public, at, public_at))

        try:
            _refuse_change(place[-1], target[-1], first)
            value = match_values(place[-1], target[-1], first, nested)
            yield Match(Rule.SAME if names(place) == names(target) else Rule.FROM, place, target, value)
        except Mismatch as error:
            self.gaps.append(str(error))

    def _first_names(self, at: Names, public: FieldDescriptor) -> dict[str, str]:
        """Return the first names of an enum's values, as far as the public enum uses them."""
        enum = value_field(public).enum_type
        first = {} if enum is None else first_names(self._plans, at)
        return {
            name: first_name
            for name, first_name in first.items()
            if enum is not None and first_name in enum.values_by_name
        }

    def _public_path(self, pair: _Pair, place: Path) -> Names:
        declared_path = field_rules(place[-1]).public
        if declared_path:
            return (*pair.public_at, *declared_path.split("."))
        first, first_parent = first_path(self._plans, (*pair.at, *names(place))), first_path(self._plans, pair.at)
        inside = first[: len(first_parent)] == first_parent
        return (*pair.public_at, *first[len(first_parent) :]) if inside else first


def _not_public_gap(field: FieldDescriptor, public: Descriptor) -> str:
    if declared_path := field_rules(field).public:
        problem = f"{field.full_name} is the public {declared_path}, but {public.full_name} has no such field"
        return f"{problem}: correct the path"
    inside = ", or `public` on the fields in it" if field.message_type and not field.is_repeated else ""
    remedy = f"add it to {public.full_name}, or set `public` or `not_public` on it{inside}"
    return f"{field.full_name} is not part of the public event: {remedy}"


def _refuse_change(stored: FieldDescriptor, public: FieldDescriptor, first: dict[str, str]) -> None:
    subject = f"{stored.full_name} and {public.full_name}"
    if stored.is_repeated != public.is_repeated:
        raise Mismatch(f"{subject} are not both single: {BOTH_WAYS}")
    stored_value, public_value = value_field(stored), value_field(public)
    if not (
        loses_nothing(stored_value.type, public_value.type) and loses_nothing(public_value.type, stored_value.type)
    ):
        raise Mismatch(f"{subject} do not hold the same values: {BOTH_WAYS}")
    if stored_value.enum_type is not None and public_value.enum_type is not None:
        stored_names = Counter(first.get(value.name, value.name) for value in stored_value.enum_type.values)
        public_names = Counter(public_value.enum_type.values_by_name)
        if unmatched := sorted((stored_names - public_names) + (public_names - stored_names)):
            remedy = f"add those that one of them lacks ({', '.join(unmatched)})"
            raise Mismatch(f"{subject} do not have the same values: {remedy}")
