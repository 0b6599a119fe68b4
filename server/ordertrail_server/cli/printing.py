"""Output formats of commands: JSON lines for machines, text and tables for people."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from google.protobuf.message import Message
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.v1.date_pb2 import Date
    from ordertrail.v1.money_pb2 import Money

# Wide enough for any row, because a pipe has no width.
PIPE_WIDTH = 10_000


def json_line(content: "Message | dict[str, Any]") -> str:
    """Return one line of JSON; a message as grpcurl prints it."""
    import json

    from google.protobuf.json_format import MessageToDict

    return json.dumps(content if isinstance(content, dict) else MessageToDict(content), ensure_ascii=False)


def escape(text: str) -> str:
    """Escape the unprintable characters of text from outside, so that it cannot control the terminal."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def time_text(stamp: "Timestamp") -> str:
    """Return a time in UTC, to the millisecond."""
    return f"{stamp.ToDatetime().isoformat(sep=' ', timespec='milliseconds')}Z"


def day_text(date: "Date") -> str:
    """Return a date in ISO 8601."""
    return f"{date.year:04}-{date.month:02}-{date.day:02}"


def money_text(sum_of_money: "Money") -> str:
    """Return an amount and its currency, such as 5.20 EUR."""
    from ordertrail.values import amount_of

    return f"{amount_of(sum_of_money):f} {escape(sum_of_money.currency_code)}"


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
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True
