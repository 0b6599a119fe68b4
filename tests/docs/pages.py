"""The documents, taken apart: what they tell a reader to type, what they say comes back, tables, links."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


class Shown(NamedTuple):
    """A command as a reader would type it, and the lines that the page shows behind it."""

    command: str
    output: list[str]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def shown(page: Path) -> list[Shown]:
    """Return the commands of a page's console blocks, in their order."""
    return shown_in("".join(blocks(page, "console")))


def shown_in(block: str) -> list[Shown]:
    """Return the commands of a console block, in their order. A command may go over several lines."""
    found: list[Shown] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Shown(line.removeprefix("$ "), []))
        elif _is_open(found[-1].command):
            found[-1] = Shown(f"{found[-1].command}\n{line}", [])
        else:
            found[-1].output.append(line)
    return found


def _is_open(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:  # a quotation that is not closed yet
        return True
    return False


def table(page: Path, first: str) -> list[list[str]]:
    """Return the cells of the table whose first heading is `first`, without backquotes, row by row."""
    lines = page.read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def typed(page: Path, program: str) -> list[str]:
    """Return what a page tells a reader to type for a program, in console blocks and in indented ones."""
    return re.findall(rf"^(?:    |\$ )({program} [^#\n]*)", page.read_text(), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors that the page's headings make."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
