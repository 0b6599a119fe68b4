"""The public event matched with the newest stored version: both ways, since facts are read and written.

A field stands for the public field of the name under which it was first stored: renaming and moving a stored field
leaves the public event alone. Everything must stand for something, and nothing may change on its way.
"""

from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.hops.leftovers import unused
from ordertrail_server.schema.hops.lineage import first_names, first_path, moved_in
from ordertrail_server.schema.hops.lossless import loses_nothing
from ordertrail_server.schema.hops.plan import Match, Names, Path, Plan, Rule, Value, find, names
from ordertrail_server.schema.hops.values import PYTHON, Mismatch, value_of
from ordertrail_server.schema.rules import field_rules


def match_public(newest: Descriptor, public: Descriptor, past: Sequence[Plan]) -> tuple[Plan, list[str]]:
    """Return how a public event reads from the newest stored version, and each gap, as a sentence that mends it.

    `past` has the hops by rules that lead to the newest version, the last one first.
    """
    matcher = _PublicMatcher(newest, public, past)
    plan = matcher.match(newest, public, (), ())
    return plan, matcher.gaps


def inverse(plan: Plan) -> Plan:
    """Return the plan of the way back, along which new facts are written."""
    return Plan(plan.new, plan.old, tuple(_turned(found) for found in plan.matches))


def _turned(found: Match) -> Match:
    value = found.value
    enum = {now: was for was, now in value.enum.items()} if value.enum else None
    message = inverse(value.message) if value.message else None
    return Match(found.rule, found.new, found.old, Value(value.same_bytes, enum, message))


class _PublicMatcher:
    def __init__(self, newest: Descriptor, public: Descriptor, past: Sequence[Plan]) -> None:
        self._newest, self._public, self._past = newest, public, past
        self.gaps: list[str] = []

    def match(self, stored: Descriptor, public: Descriptor, at: Names, public_at: Names) -> Plan:
        """Match a stored message and the public one that stands for it, at their paths in the two events."""
        matches = list(self._matches(stored, public, at, public_at, ()))
        used = {names(found.new) for found in matches}
        for path in unused(public, used):
            name = f"{public.full_name}.{'.'.join(path)}"
            self.gaps.append(f"{name} reads from no field of {stored.full_name}: say public on the field that it is")
        return Plan(stored, public, tuple(matches))

    def _matches(
        self, stored: Descriptor, public: Descriptor, at: Names, public_at: Names, within: Path
    ) -> Iterator[Match]:
        """Yield the matches of a message's fields; `within` leads to it from the one that the public message reads."""
        for field in stored.fields:
            place = (*within, field)
            path = self._public_path((*at, field.name), public_at, field)
            target = find(public, path[len(public_at) :]) if path[: len(public_at)] == public_at else None
            if field_rules(field).not_public:
                continue
            if target is not None:
                yield from self._pair(place, target, (*at, field.name), path)
            elif field.message_type is not None and not field.is_repeated and moved_in(self._past, (*at, field.name)):
                yield from self._matches(field.message_type, public, (*at, field.name), public_at, place)
            else:
                say = f"add it to {public.full_name}, or say `public` or `not_public` on it"
                self.gaps.append(f"{field.full_name} is no part of the public event: {say}")

    def _pair(self, place: Path, target: Path, at: Names, public_at: Names) -> Iterator[Match]:
        def nested(stored: Descriptor, public: Descriptor) -> Plan:
            return self.match(stored, public, at, public_at)

        try:
            value = value_of(place[-1], target[-1], first_names(self._past, at), nested)
            _refuse_change(place[-1], target[-1], value)
            yield Match(Rule.SAME if names(place) == names(target) else Rule.FROM, place, target, value)
        except Mismatch as error:
            self.gaps.append(str(error))

    def _public_path(self, path: Names, container: Names, field: FieldDescriptor) -> Names:
        said = field_rules(field).public
        if said:
            return (*container, *said.split("."))
        return first_path(self._past, path)


def _refuse_change(stored: FieldDescriptor, public: FieldDescriptor, value: Value) -> None:
    both = f"{stored.full_name} and {public.full_name}"
    if value.to_list:
        raise Mismatch(f"{both} are not both single: {PYTHON}s for both ways")
    if not loses_nothing(public.type, stored.type):
        raise Mismatch(f"{both} do not hold the same numbers: {PYTHON}s for both ways")
    if public.enum_type is not None and stored.enum_type is not None:
        reached = [(value.enum or {}).get(number, number) for number in stored.enum_type.values_by_number]
        if sorted(reached) != sorted(public.enum_type.values_by_number):
            raise Mismatch(f"{both} do not tell the same values apart: add what one of them lacks")
