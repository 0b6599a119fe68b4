"""Parts of the documents: console commands with their output, code blocks, tables, links, headings."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
LINK = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


class ConsoleCommand(NamedTuple):
    """A command of a console block, and the output lines that the page shows for it."""

    command: str
    output: list[str]


def read_blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def console_commands(page: Path) -> list[ConsoleCommand]:
    """Return the commands of a page's console blocks, in order."""
    return parse_console("".join(read_blocks(page, "console")))


def parse_console(block: str) -> list[ConsoleCommand]:
    """Return the commands of a console block, in order. A command may have several lines."""
    commands: list[ConsoleCommand] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(ConsoleCommand(line.removeprefix("$ "), []))
        elif _has_open_quote(commands[-1].command):
            commands[-1] = ConsoleCommand(f"{commands[-1].command}\n{line}", [])
        else:
            commands[-1].output.append(line)
    return commands


def _has_open_quote(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def read_table(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this heading, row by row, without backquotes."""
    lines = page.read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def command_lines(page: Path, program: str) -> list[str]:
    """Return the page's command lines of a program, from console blocks and indented blocks."""
    return re.findall(rf"^(?:    |\$ )({program} [^#\n]*)", page.read_text(), re.MULTILINE)


def heading_anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
