"""Edits of a tree of files. Each must find what it changes: a mistake that was not made would prove nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Edit: TypeAlias = Callable[[Path], None]
"""Changes a tree, of which it is given the root."""


class NothingToEdit(AssertionError):
    """A file does not say what an edit would change."""


def replaced(file: str, old: str, new: str, *, after: str = "") -> Edit:
    """Return the edit that puts `new` in the place of `old`, the first behind `after`; without that, the only one."""

    def edit(root: Path) -> None:
        path = root / file
        text = path.read_text(encoding="utf-8")
        begin = text.find(after) + len(after)
        if text.count(after or old) != 1 or old not in text[begin:]:
            raise NothingToEdit(f"{file} does not say once {after or old!r}, and then {old!r}")
        path.write_text(text[:begin] + text[begin:].replace(old, new, 1), encoding="utf-8")

    return edit


def cut(file: str, first: str, last: str) -> Edit:
    """Return the edit that takes out all from `first`, which stands there once, up to the next `last`."""

    def edit(root: Path) -> None:
        path = root / file
        above, match, below = path.read_text(encoding="utf-8").partition(first)
        inside, end, below_end = below.partition(last)
        if not match or not end or first in inside + below_end:
            raise NothingToEdit(f"{file} does not say once {first!r}, and then {last!r}")
        path.write_text(above + below_end, encoding="utf-8")

    return edit


def appended(file: str, text: str) -> Edit:
    """Return the edit that puts a text below a file, which is made if it is not there."""

    def edit(root: Path) -> None:
        path = root / file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(before + text, encoding="utf-8")

    return edit


def removed(file: str) -> Edit:
    """Return the edit that deletes a file."""
    return lambda root: (root / file).unlink()


def all_of(*edits: Edit) -> Edit:
    """Return the edit that makes these, in their order."""

    def edit(root: Path) -> None:
        for edit in edits:
            edit(root)

    return edit
