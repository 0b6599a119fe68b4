"""Mistakes in schema.lock: it is edited or deleted."""

from pathlib import Path
from typing import Final

from tests.evolving.mistakes.edit import Edit, append_text, combine_edits, cut_text, remove_file, replace_text
from tests.evolving.mistakes.guard import Guard
from tests.evolving.mistakes.mistake import Mistake
from tests.evolving.mistakes.trees import LOCK, State

_DATE: Final = "message ordertrail.events.v2.Date\n"
_LATER: Final = "message google.rpc.Status\n"
_RECORD: Final = "message ordertrail.log.v1.Record\n"


def _edited_lock(title: str, says: str, edit: Edit) -> Mistake:
    return Mistake(
        f"in schema.lock, {title}",
        Guard.LOCK,
        f"{says}; the lock is never edited: restore it from version control",
        edit,
    )


def _without_last_entries(root: Path) -> None:
    lock = root / LOCK
    lock.write_text(lock.read_text(encoding="utf-8").partition(f"\n\n{_RECORD}")[0] + "\n", encoding="utf-8")


MISTAKES: Final = [
    _edited_lock(
        "a line is edited",
        "message v2.Money: was edited, or the text right above it was edited, moved or removed",
        replace_text(LOCK, "int64 units", "int32 units"),
    ),
    _edited_lock(
        "an entry is removed", "or the text right above it was edited, moved or removed", cut_text(LOCK, _DATE, "\n\n")
    ),
    _edited_lock(
        "two entries are swapped",
        "was edited, or the text right above it was edited, moved or removed",
        combine_edits(
            cut_text(LOCK, _DATE, "\n\n"),
            replace_text(
                LOCK,
                _LATER,
                f"{_DATE}  1 optional int32 year\n  2 optional int32 month\n  3 optional int32 day\n"
                "digest f27e338959e6adb904e771bf4c1f4af5\n\n" + _LATER,
            ),
        ),
    ),
    _edited_lock(
        "a digest is replaced by an invalid one",
        "message v2.Date: was edited, or the text right above it was edited, moved or removed",
        replace_text(LOCK, "digest f27e", "digest f27f"),
    ),
    _edited_lock(
        "an entry is written by hand",
        "the text from here on has no digest",
        append_text(LOCK, "\nmessage ordertrail.events.v3.OrderPlaced\n"),
    ),
    Mistake(
        "schema.lock is deleted",
        Guard.START,
        "there is no schema.lock, so the released messages are unknown: restore it from version control",
        remove_file(LOCK),
        State.CODE,
    ),
    Mistake(
        "in schema.lock, the last entries are removed",
        Guard.RELEASE,
        "test_lock_holds_every_name_of_the_last_release",
        _without_last_entries,
        State.CODE,
    ),
]
