"""Tables for people."""

import sys
from collections.abc import Iterable, Sequence

import click

from ordertrail_server.cli.value_text import escape

# Wide enough for any row, because a pipe has no width.
PIPE_WIDTH = 10_000


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> None:
    """Print rows under headings. The columns named in `numbers` are right-aligned."""
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if _is_encodable("─") else box.ASCII)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for row in rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    if sys.stdout.isatty():
        Console().print(table)
        return
    # Not directly to stdout, where rich would report a closed pipe as a failure.
    lines = StringIO()
    Console(file=lines, width=PIPE_WIDTH, color_system=None).print(table)
    click.echo("\n".join(line.rstrip() for line in lines.getvalue().splitlines()))


def _is_encodable(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")  # a stream that replaces stdout may have none
    except UnicodeEncodeError:
        return False
    return True
