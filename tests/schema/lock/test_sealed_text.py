"""Each edit of the text of the lock is detected."""

import pytest
from tests.schema.edited_protos import RECORD, record_after
from tests.schema.lock.edits import LOCK, retype_units

from ordertrail_server.schema.lock.lock_file import lock_gaps, unlocked_names

RESTORE = "; the lock is never edited: restore it from version control"
ENTRY = LOCK[LOCK.index("message ordertrail.events.v2.Money") : LOCK.index("message ordertrail.events.v2.OrderedLine")]


def find_line(text: str) -> int:
    return LOCK[: LOCK.index(text)].count("\n") + 1


def test_edited_entry_is_reported_even_if_the_message_has_the_same_edit() -> None:
    edited = LOCK.replace(ENTRY, ENTRY.replace("int64 units", "string units"))
    assert lock_gaps(record_after(retype_units), edited) == [
        f"schema.lock, line {find_line(ENTRY)}: message ordertrail.events.v2.Money: "
        f"was edited, or the text right above it was edited, moved or removed{RESTORE}"
    ]


def test_removed_entry_is_reported_at_the_next_entry() -> None:
    assert lock_gaps(RECORD, LOCK.replace(ENTRY, "")) == [
        f"schema.lock, line {find_line(ENTRY)}: message ordertrail.events.v2.OrderedLine: "
        f"was edited, or the text right above it was edited, moved or removed{RESTORE}"
    ]


@pytest.mark.parametrize(
    "tampered",
    [
        LOCK.removeprefix("#"),
        LOCK.replace("\n\nmessage ordertrail.events.v2.Money", "\nmessage ordertrail.events.v2.Money"),
        LOCK.replace(ENTRY, "").replace("enum ", ENTRY + "enum "),
        LOCK.replace(ENTRY, ENTRY + ENTRY),
        LOCK.replace(ENTRY, ENTRY[: ENTRY.index("digest")] + "\n"),
        LOCK + "message ordertrail.events.v2.Gift\n",
        LOCK[:-1],
        "not a lock\n",
        LOCK + f"digest {'0' * 32}\n",
    ],
    ids=["header", "blank line", "moved", "doubled", "digest gone", "unsealed", "cut", "no lock", "empty entry"],
)
def test_each_kind_of_edit_of_the_lock_is_reported(tampered: str) -> None:
    assert any(gap.startswith("schema.lock, line ") for gap in lock_gaps(RECORD, tampered))


def test_edit_of_a_single_character_is_reported() -> None:
    sound = lock_gaps(RECORD, LOCK)
    assert sound == []
    for place in range(0, len(LOCK), 7):
        edited = f"{LOCK[:place]}{'x' if LOCK[place] != 'x' else 'y'}{LOCK[place + 1 :]}"
        assert lock_gaps(RECORD, edited), f"character {place}"


def test_entries_removed_from_the_end_are_unlocked_again() -> None:
    assert unlocked_names(RECORD, LOCK[: LOCK.index(ENTRY)])[0] == "ordertrail.events.v2.Money"
