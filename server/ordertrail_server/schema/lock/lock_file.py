"""The lock file: the shape of every stored message at its release. It proves that none has changed since.

An entry holds a whole message or enum that a record can hold, with its rules. Types of the record's own package may
grow: their new fields come in further entries with the same heading. The file is append-only (see `sealed_text`).
"""

from pathlib import Path
from typing import Final, NamedTuple

from google.protobuf.descriptor import Descriptor, EnumDescriptor

from ordertrail_server.schema.lock.sealed_text import Entry, append_entries, entries, find_damage
from ordertrail_server.schema.lock.shape_changes import describe_changes, key_of, name_of
from ordertrail_server.schema.lock.shape_text import shape_lines, stored_types

LOCK_NAME: Final = "schema.lock"
HEADER: Final = """\
# What every released stored message is, in the order of release. Never edit it: `ordertrail schema lock` adds to it,
# and each digest covers all that stands above it. Where two branches added, take the file of one and run that again.
"""
_HERE: Final = Path(__file__).resolve()
_PLACES: Final = (_HERE.with_name(LOCK_NAME), _HERE.parents[4] / "proto" / LOCK_NAME)

_RESTORE: Final = "the lock is never edited: restore it from version control"
_FROZEN: Final = (
    "a released message never changes: restore it, and copy it into a new version with `ordertrail schema new`"
)
_REMOVED: Final = "a released message stays readable: restore it and its case in the record"
_GROWS: Final = "a released message never changes: restore it; give a new field a number that was never used"


class _LockedType(NamedTuple):
    name: str
    heading: str
    grows: bool  # whether fields may be added
    lines: list[str]


def read_lock() -> str:
    """Return the lock of this installation or checkout; empty if there is none."""
    return next((path.read_text(encoding="utf-8") for path in _PLACES if path.exists()), "")


def locked_messages(path: Path) -> set[str]:
    """Return the full names of the messages in a lock file; empty if there is no such file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    headings = [entry.heading.partition(" ") for entry in entries(text)]
    return {name for kind, _, name in headings if kind == "message"}


def released_gaps(record: Descriptor, text: str) -> list[str]:
    """Return each difference from the released messages. A missing lock is a gap, too."""
    nothing = f"there is no {LOCK_NAME}, so the released messages are unknown: restore it from version control"
    return lock_gaps(record, text) if text else [nothing]


def lock_gaps(record: Descriptor, text: str) -> list[str]:
    """Return each difference of the stored messages from the lock, and each damage of the lock itself."""
    stored = {stored_type.heading: stored_type for stored_type in _stored(record)}
    gaps = [f"{LOCK_NAME}, {fault}; {_RESTORE}" for fault in find_damage(text)]
    for heading, lines in _locked(text).items():
        if heading not in stored:
            gaps.append(f"{heading}: no record can hold it any more; {_REMOVED}")
            continue
        stored_type = stored[heading]
        remedy = _GROWS if stored_type.grows else _FROZEN
        gaps += [
            f"{heading}: {change}; {remedy}"
            for change in describe_changes(lines, stored_type.lines, may_grow=stored_type.grows)
        ]
    return gaps


def unlocked_names(record: Descriptor, text: str) -> list[str]:
    """Return the full names of all unreleased messages and enums, and of unreleased fields of those that may grow."""
    names = []
    for stored_type, lines in _additions(record, text):
        names += [f"{stored_type.name}.{name_of(line)}" for line in lines] if stored_type.grows else [stored_type.name]
    return names


def append_unlocked(record: Descriptor, text: str) -> str:
    """Return the lock with entries appended for everything unreleased."""
    return append_entries(
        text or HEADER, [Entry(stored_type.heading, tuple(lines)) for stored_type, lines in _additions(record, text)]
    )


def _stored(record: Descriptor) -> list[_LockedType]:
    return [
        _LockedType(
            descriptor.full_name,
            f"{'enum' if isinstance(descriptor, EnumDescriptor) else 'message'} {descriptor.full_name}",
            descriptor.file.package == record.file.package,
            shape_lines(descriptor),
        )
        for descriptor in stored_types(record)
    ]


def _locked(text: str) -> dict[str, list[str]]:
    """Return {heading: the lines of all its entries}."""
    locked: dict[str, list[str]] = {}
    for entry in entries(text):
        locked.setdefault(entry.heading, []).extend(entry.lines)
    return locked


def _additions(record: Descriptor, text: str) -> list[tuple[_LockedType, list[str]]]:
    """Return the types that are not locked completely, each with its unlocked lines."""
    locked, additions = _locked(text), []
    for stored_type in _stored(record):
        if stored_type.heading not in locked:
            additions.append((stored_type, stored_type.lines))
        elif stored_type.grows:
            locked_keys = {key_of(line) for line in locked[stored_type.heading]}
            if lines := [line for line in stored_type.lines if key_of(line) not in locked_keys]:
                additions.append((stored_type, lines))
    return additions
