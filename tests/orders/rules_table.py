"""The table of verbs and statuses in docs/order-rules.md, read as data."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "order-rules.md"


def read_table() -> dict[tuple[str, str], str]:
    """Return {(verb, status before): cell}; a cell is the status after the verb, or why the verb is refused."""
    rows = [
        [cell.strip() for cell in text.strip("|\n").split("|")]
        for text in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if text.startswith("|") and not text.startswith("|-")
    ]
    (_, *statuses), *verbs = rows
    return {(verb, status): cell for verb, *cells in verbs for status, cell in zip(statuses, cells, strict=True)}


TABLE = read_table()
