"""Match a stored version with its predecessor, field by field. A field without a rule or a match by name is a gap."""

from collections.abc import Iterator, Set

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.hops.contradictions import contradiction
from ordertrail_server.schema.hops.literals import InvalidLiteral, parse_literal
from ordertrail_server.schema.hops.plan import Match, Names, Path, Plan, Rule, find_field, names
from ordertrail_server.schema.hops.plan_gaps import double_read_gaps, plan_gaps
from ordertrail_server.schema.hops.unused_fields import UnusedField, named_sources, unused_paths
from ordertrail_server.schema.hops.values import PYTHON, Mismatch, match_values
from ordertrail_server.schema.rules import (
    HERE,
    field_rules,
    message_rules,
    paths_for,
    renamed_values,
    sources_of,
)


def match_stored(old: Descriptor, new: Descriptor) -> tuple[Plan, list[str]]:
    """Return the plan from `old` to its successor `new`, and each gap with its remedy."""
    matcher = _Matcher(old, new, {new.full_name})
    gaps = [
        *matcher.gaps,
        *double_read_gaps(matcher.plan),
        *(unused_field.gap for unused_field in matcher.unused_fields()),
    ]
    # A message that is nested in several places reports its gaps in each.
    return matcher.plan, list(dict.fromkeys(gaps))


class _Matcher:
    """Matches two messages. `enclosing` has the names of the new message and of all messages that enclose it."""

    def __init__(self, old: Descriptor, new: Descriptor, enclosing: set[str]) -> None:
        self._old, self._new, self._enclosing = old, new, enclosing
        self._matches: list[Match] = []
        self._tried_sources: set[Names] = set()
        self._unmatched_fields: set[str] = set()
        self._unused_inside: list[UnusedField] = []
        self._is_only_predecessor = len(sources_of(message_rules(new))) < 2
        self.gaps: list[str] = []
        self._dropped = tuple(self._drops())
        self._claimed_sources = {names(path) for path in self._dropped} | set(named_sources(old, new))
        self._match_all(new, ())
        self.plan = Plan(old, new, tuple(self._matches), self._dropped)
        self.gaps += plan_gaps(self.plan, self._unmatched_fields)

    def unused_fields(self) -> list[UnusedField]:
        """Return the fields neither used nor dropped. The caller may still use a path in a nested message."""
        used_paths = self._tried_sources | {names(path) for path in self._dropped}
        own_fields = [UnusedField(path, path, self._old, self._new) for path in unused_paths(self._old, used_paths)]
        return own_fields + [
            unused_field for unused_field in self._unused_inside if unused_field.path not in used_paths
        ]

    def _drops(self) -> Iterator[Path]:
        for path in paths_for(list(message_rules(self._new).dropped), self._old):
            dropped_path = find_field(self._old, tuple(path.split(".")))
            if dropped_path:
                yield dropped_path
            elif self._is_only_predecessor:
                self.gaps.append(
                    f"{self._new.full_name} drops {path}, but {self._old.full_name} has no such field: correct the path"
                )

    def _match_all(self, message: Descriptor, within: Path) -> None:
        for field in message.fields:
            try:
                self._match(field, (*within, field))
            except (Mismatch, InvalidLiteral) as error:
                self.gaps.append(str(error))
                self._put_aside(field)

    def _put_aside(self, field: FieldDescriptor) -> None:
        """Exclude a field and its sources from the checks of the whole plan: one gap per field is enough."""
        self._unmatched_fields.add(field.full_name)
        sources = paths_for(sources_of(field_rules(field)), self._old)
        self._tried_sources |= {(field.name,), *(tuple(path.split(".")) for path in sources)}

    def _match(self, field: FieldDescriptor, place: Path) -> None:
        rules = field_rules(field)
        if problem := contradiction(field):
            raise Mismatch(problem)
        self._refuse_strangers(field.full_name, sources_of(rules))
        sources = paths_for(sources_of(rules), self._old)
        by_name = None if (field.name,) in self._claimed_sources else find_field(self._old, (field.name,))
        if sources:
            self._refuse_needless(field, f'from: "{sources[0]}"')
        if sources == [HERE]:
            self._move_in(field, place)
        elif sources:
            self._copy(Rule.FROM, self._source(field, sources), place)
        elif by_name:
            self._refuse_needless(field, by_name[0].full_name)
            self._copy(Rule.SAME, by_name, place)
        elif rules.HasField("literal"):
            self._matches.append(Match(Rule.LITERAL, (), place, literal=parse_literal(field, rules.literal)))
        elif rules.absent:
            self._matches.append(Match(Rule.ABSENT, (), place))
        else:
            missing = f"{field.full_name} gets no value from {self._old.full_name}"
            raise Mismatch(f"{missing}: set `from`, `literal` or `absent` on it")

    def _refuse_needless(self, field: FieldDescriptor, filled_by: str) -> None:
        rules = field_rules(field)
        if self._is_only_predecessor and (rules.absent or rules.HasField("literal")):
            rule = "absent" if rules.absent else "literal"
            raise Mismatch(f"{field.full_name} has the rule `{rule}`, but {filled_by} fills it: remove one of the two")

    def _refuse_strangers(self, field_name: str, paths: list[str]) -> None:
        qualified_paths = [path for path in paths if ":" in path]
        if not qualified_paths:
            return
        predecessor_names = {
            self._old.name,
            *(name.rpartition(".")[2] for name in sources_of(message_rules(self._new))),
        }
        if strangers := sorted(path for path in qualified_paths if path.rpartition(":")[0] not in predecessor_names):
            raise Mismatch(
                f'{field_name} names the source "{strangers[0]}", but no predecessor has that name: correct it'
            )

    def _source(self, field: FieldDescriptor, sources: list[str]) -> Path:
        source = find_field(self._old, tuple(sources[0].split(".")))
        if len(sources) > 1:
            raise Mismatch(f"{field.full_name} has more than one `from` for {self._old.full_name}: keep one")
        if source is None:
            raise Mismatch(
                f"{field.full_name} is from {sources[0]}, but {self._old.full_name} has no such field: correct the path"
            )
        return source

    def _move_in(self, field: FieldDescriptor, place: Path) -> None:
        if field.message_type is None or field.is_repeated:
            raise Mismatch(f'{field.full_name} has from: "{HERE}", but is not a single message: name a field')
        outer = {step.message_type.full_name for step in place[:-1] if step.message_type}
        self._refuse_recursion(field, field.message_type, outer)
        self._match_all(field.message_type, place)

    def _copy(self, rule: Rule, old: Path, new: Path) -> None:
        def nested(old_message: Descriptor, new_message: Descriptor) -> Plan:
            return self._nested(names(old), new[-1], old_message, new_message)

        self._tried_sources.add(names(old))
        self._matches.append(Match(rule, old, new, match_values(old[-1], new[-1], renamed_values(new[-1]), nested)))

    def _nested(self, within: Names, field: FieldDescriptor, old: Descriptor, new: Descriptor) -> Plan:
        if old.name != new.name and old.full_name not in sources_of(message_rules(new)):
            holds = f"{field.full_name} holds {new.full_name}, which has no rule to be read from {old.full_name}"
            raise Mismatch(f'{holds}: set from: "{old.full_name}" on it')
        self._refuse_recursion(field, new)
        inner = _Matcher(old, new, self._enclosing | {new.full_name})
        self.gaps += inner.gaps
        self._unused_inside += [
            unused_field._replace(path=(*within, *unused_field.path)) for unused_field in inner.unused_fields()
        ]
        return inner.plan

    def _refuse_recursion(self, field: FieldDescriptor, message: Descriptor, enclosing: Set[str] = frozenset()) -> None:
        if message.full_name in self._enclosing | enclosing:
            leads_back = f"{field.full_name} leads back to {message.full_name}"
            raise Mismatch(f"{leads_back}, which is recursive, and rules cannot follow that: {PYTHON}")
