"""How old an answer is, said where that matters."""

from time import time_ns
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.printing import time_text

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.asking import OnPage

OLD_S = 10
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def say_if_old() -> "OnPage":
    """Return what says once on stderr that an answer is old; the pages of one answer are alike."""
    said = False

    def say(current_at: "Timestamp") -> None:
        nonlocal said
        seconds = time_ns() // 1_000_000_000 - current_at.seconds
        if current_at.seconds and seconds > OLD_S and not said:
            said = True
            click.echo(
                f"As of {time_text(current_at)}, {ago(seconds)}: the server has not seen the log's end since.", err=True
            )

    return say


def ago(seconds: int) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
