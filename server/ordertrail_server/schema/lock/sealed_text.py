"""Append-only text: a list of entries, each sealed by a digest over everything above it.

    message ordertrail.events.v2.Money
      1 optional string currency_code
    digest 0c8f2a35d1a94b7e6f10c2b8d9e4a3f7

So an edited, moved or removed entry is detected, and the diff of two states of a file shows only what was added.
Lines that begin with # are comments; they are sealed too.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

_SEALED: Final = re.compile(r"(.*?)^digest ([^\n]*)\n", re.DOTALL | re.MULTILINE)
_BREAK: Final = "\n"
_INDENTATION: Final = "  "


class Entry(NamedTuple):
    """A heading, and the lines below it without their indentation. None of them holds a line break."""

    heading: str
    lines: tuple[str, ...]


class _Block(NamedTuple):
    first: int  # the number of its first line, counted from 1
    text: str  # from the previous digest to its own, both excluded
    digest: str


def append_entries(text: str, entries: Iterable[Entry]) -> str:
    """Return the text with these entries appended, each sealed."""
    blocks, unsealed = _split(text)
    above = blocks[-1].digest if blocks else ""
    for entry in entries:
        added = "\n".join(("", entry.heading, *(_INDENTATION + line for line in entry.lines), ""))
        above, unsealed = _digest(above, unsealed + added), ""
        text += f"{added}digest {above}\n"
    return text


def entries(text: str) -> list[Entry]:
    """Return the entries in their order, unverified: `find_damage` verifies them."""
    return [Entry(", ".join(_headings(block.text)), _lines(block.text)) for block in _split(text)[0]]


def find_damage(text: str) -> list[str]:
    """Return a description of each damage with its line number; empty if there is none."""
    blocks, below = _split(text)
    faults, above = [], ""
    for block in blocks:
        if block.digest != _digest(above, block.text):
            faults.append(_describe_damage(block))
        above = block.digest
    if _headings(below) or _lines(below):
        faults.append(f"line {text.removesuffix(below).count(_BREAK) + 1}: the text from here on has no digest")
    return faults


def _describe_damage(block: _Block) -> str:
    headings = _headings(block.text) or ["a digest of nothing"]
    line = block.first + block.text.partition(headings[0])[0].count(_BREAK)
    return f"line {line}: {', '.join(headings)}: was edited, or the text right above it was edited, moved or removed"


def _split(text: str) -> tuple[list[_Block], str]:
    """Return the sealed blocks, and the unsealed text below them."""
    blocks, first, end = [], 1, 0
    for match in _SEALED.finditer(text):
        blocks.append(_Block(first, match[1], match[2]))
        first, end = first + match[0].count(_BREAK), match.end()
    return blocks, text[end:]


def _headings(text: str) -> list[str]:
    return [line for line in text.split(_BREAK) if line and not line.startswith(("#", _INDENTATION))]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.removeprefix(_INDENTATION) for line in text.split(_BREAK) if line.startswith(_INDENTATION))


def _digest(above: str, text: str) -> str:
    return sha256(f"{above}\n{text}".encode()).hexdigest()[:32]
