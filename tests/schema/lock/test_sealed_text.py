"""The lock finds each edit of its own text."""

import pytest
from tests.schema.lock.edits import LOCK, retype_units
from tests.schema.other_protos import RECORD, record_after

from ordertrail_server.schema.lock.lock_file import lock_gaps, unlocked_names

RESTORE = "; nothing in it is ever changed: bring it back from version control"
ENTRY = LOCK[LOCK.index("message ordertrail.events.v2.Money") : LOCK.index("message ordertrail.events.v2.OrderedLine")]


def line_of(text: str) -> int:
    return LOCK[: LOCK.index(text)].count("\n") + 1


def test_an_edited_entry_is_found_even_if_the_message_was_edited_alike() -> None:
    edited = LOCK.replace(ENTRY, ENTRY.replace("int64 units", "string units"))
    assert lock_gaps(record_after(retype_units), edited) == [
        f"schema.lock, line {line_of(ENTRY)}: message ordertrail.events.v2.Money: "
        f"was edited, or what stood right above was edited, moved or removed{RESTORE}"
    ]


def test_an_entry_that_was_removed_from_the_middle_is_found_where_the_next_one_stands() -> None:
    assert lock_gaps(RECORD, LOCK.replace(ENTRY, "")) == [
        f"schema.lock, line {line_of(ENTRY)}: message ordertrail.events.v2.OrderedLine: "
        f"was edited, or what stood right above was edited, moved or removed{RESTORE}"
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
def test_tampering_with_the_lock_is_found(tampered: str) -> None:
    assert any(gap.startswith("schema.lock, line ") for gap in lock_gaps(RECORD, tampered))


def test_every_edit_of_a_single_character_is_found() -> None:
    sound = lock_gaps(RECORD, LOCK)
    assert sound == []
    for place in range(0, len(LOCK), 7):
        edited = f"{LOCK[:place]}{'x' if LOCK[place] != 'x' else 'y'}{LOCK[place + 1 :]}"
        assert lock_gaps(RECORD, edited), f"character {place}"


def test_entries_deleted_from_the_end_are_unlocked_again() -> None:
    assert unlocked_names(RECORD, LOCK[: LOCK.index(ENTRY)])[0] == "ordertrail.events.v2.Money"
