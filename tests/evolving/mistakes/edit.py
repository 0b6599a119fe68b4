"""Edits of a tree of files. Each must find the text that it changes, because a missing mistake would prove nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Edit: TypeAlias = Callable[[Path], None]
"""Changes the tree below a root."""


class NothingToEdit(AssertionError):
    """A file lacks the text that an edit would change."""


def replace_text(file: str, old: str, new: str, *, after: str = "") -> Edit:
    """Return the edit that replaces `old` by `new`: the first one after `after`, or the only one."""

    def edit(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        begin = text.find(after) + len(after)
        if text.count(after or old) != 1 or old not in text[begin:]:
            raise NothingToEdit(f"{file} does not contain once {after or old!r}, and then {old!r}")
        path.write_text(text[:begin] + text[begin:].replace(old, new, 1), encoding="utf-8")

    return edit


def cut_text(file: str, first: str, last: str) -> Edit:
    """Return the edit that removes the text from `first`, which occurs once, to the next `last`."""

    def edit(root: Path) -> None:
        path = root / file
        above, match, below = path.read_text(encoding="utf-8").partition(first)
        inside, end, below_end = below.partition(last)
        if not match or not end or first in inside + below_end:
            raise NothingToEdit(f"{file} does not contain once {first!r}, and then {last!r}")
        path.write_text(above + below_end, encoding="utf-8")

    return edit


def append_text(file: str, text: str) -> Edit:
    """Return the edit that appends a text to a file, which is created if it is missing."""

    def edit(root: Path) -> None:
        path = root / file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(before + text, encoding="utf-8")

    return edit


def remove_file(file: str) -> Edit:
    """Return the edit that deletes a file."""
    return lambda root: (root / file).unlink()


def combine_edits(*edits: Edit) -> Edit:
    """Return the edit that makes these edits in their order."""

    def edit(root: Path) -> None:
        for edit in edits:
            edit(root)

    return edit
