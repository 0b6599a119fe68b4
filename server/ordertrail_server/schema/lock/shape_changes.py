"""How two shapes (see `shape_text`) differ, said with what was and what is now."""

from collections.abc import Sequence
from typing import NamedTuple


class _Member(NamedTuple):
    """A field of a message or a value of an enum."""

    number: str
    text: str

    @property
    def name(self) -> str:
        return name_of(self.text)


def key_of(line: str) -> str:
    """Return what a line speaks of: "2" the field or value of this number, "2 rule" its rules, "rule" the message's."""
    first, _, rest = line.partition(" ")
    return f"{first} rule" if rest.startswith("rule ") else first


def name_of(line: str) -> str:
    """Return the name in the line of a field or value."""
    return line.rpartition(" ")[2]


def changes(was: Sequence[str], now: Sequence[str], *, may_grow: bool) -> list[str]:
    """Return what changed from one shape to another; if it may grow, fields and values that are new are no change."""
    before, after = _members(was), _members(now)
    gone = [member for member in before if member not in after]
    found = [change for member in gone for change in _changes_of(member, before, after)]
    if not may_grow:
        numbers, names = {member.number for member in gone}, {member.name for member in gone}
        new = [one for one in after if one not in before and one.number not in numbers and one.name not in names]
        found += [f"number {member.number} is new: `{member.text}`" for member in new]
    return found + _rule_changes(_rules(was), _rules(now))


def _changes_of(was: _Member, before: list[_Member], after: list[_Member]) -> list[str]:
    found = [
        f"`{was.name}` had the number {was.number}, and has {now.number} now"
        for now in after
        if now.name == was.name and now.number != was.number
    ]
    for now in after:
        if now.number == was.number and now not in before:
            same = now.name == was.name or now.text == was.text.removesuffix(was.name) + now.name
            change = "was" if same else "is used again: it was"
            found.append(f"number {was.number} {change} `{was.text}`, and is `{now.text}` now")
    return found or [f"number {was.number} is gone: it was `{was.text}`"]


def _rule_changes(was: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    found = []
    for key in sorted({*was, *now}):
        of = f"number {key.removesuffix(' rule')}: its rules" if key != "rule" else "its rules"
        if was.get(key) != now.get(key):
            found.append(f"{of} were {_all(was.get(key))}, and are {_all(now.get(key))} now")
    return found


def _all(rules: list[str] | None) -> str:
    return f"`{'; '.join(rules)}`" if rules else "none"


def _members(lines: Sequence[str]) -> list[_Member]:
    return [_Member(key, rest) for key, rest in _parted(lines) if not key.endswith("rule")]


def _rules(lines: Sequence[str]) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for key, rest in _parted(lines):
        if key.endswith("rule"):
            rules.setdefault(key, []).append(rest)
    return rules


def _parted(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(key := key_of(line), line.removeprefix(key).strip()) for line in lines]
