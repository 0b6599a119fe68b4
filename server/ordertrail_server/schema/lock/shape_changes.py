"""The differences between two shapes (see `shape_text`), described for people."""

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
    """Return the key of a line: "2" for field or value 2, "2 rule" for its rules, "rule" for those of the message."""
    first, _, text = line.partition(" ")
    return f"{first} rule" if text.startswith("rule ") else first


def name_of(line: str) -> str:
    """Return the name in the line of a field or value."""
    return line.rpartition(" ")[2]


def describe_changes(old: Sequence[str], new: Sequence[str], *, may_grow: bool) -> list[str]:
    """Return the changes from one shape to another. If it may grow, a new field or value is no change."""
    before, after = _members(old), _members(new)
    removed = [member for member in before if member not in after]
    descriptions = [change for member in removed for change in _changes_of(member, before, after)]
    if not may_grow:
        numbers, names = {member.number for member in removed}, {member.name for member in removed}
        added = [
            member
            for member in after
            if member not in before and member.number not in numbers and member.name not in names
        ]
        descriptions += [f"number {member.number} is new: `{member.text}`" for member in added]
    return descriptions + _rule_changes(_rules(old), _rules(new))


def _changes_of(old: _Member, before: list[_Member], after: list[_Member]) -> list[str]:
    descriptions = [
        f"`{old.name}` had the number {old.number}, and has {new.number} now"
        for new in after
        if new.name == old.name and new.number != old.number
    ]
    for new in after:
        if new.number == old.number and new not in before:
            is_same_member = new.name == old.name or new.text == old.text.removesuffix(old.name) + new.name
            change = "was" if is_same_member else "is used again: it was"
            descriptions.append(f"number {old.number} {change} `{old.text}`, and is `{new.text}` now")
    return descriptions or [f"number {old.number} is gone: it was `{old.text}`"]


def _rule_changes(old: dict[str, list[str]], new: dict[str, list[str]]) -> list[str]:
    descriptions = []
    for key in sorted({*old, *new}):
        subject = f"number {key.removesuffix(' rule')}: its rules" if key != "rule" else "its rules"
        if old.get(key) != new.get(key):
            descriptions.append(f"{subject} were {_rule_list(old.get(key))}, and are {_rule_list(new.get(key))} now")
    return descriptions


def _rule_list(rules: list[str] | None) -> str:
    return f"`{'; '.join(rules)}`" if rules else "none"


def _members(lines: Sequence[str]) -> list[_Member]:
    return [_Member(key, text) for key, text in _split_lines(lines) if not key.endswith("rule")]


def _rules(lines: Sequence[str]) -> dict[str, list[str]]:
    rules: dict[str, list[str]] = {}
    for key, text in _split_lines(lines):
        if key.endswith("rule"):
            rules.setdefault(key, []).append(text)
    return rules


def _split_lines(lines: Sequence[str]) -> list[tuple[str, str]]:
    return [(key := key_of(line), line.removeprefix(key).strip()) for line in lines]
