"""How old an answer is, said where that matters. The server tells: the clock of this machine may be another one."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ordertrail.asking import OnAge

STALE_AGE = timedelta(seconds=10)
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def create_age_warning() -> "OnAge":
    """Return what says once on stderr that an answer is old; the pages of one answer are alike."""
    warned = False

    def warn(age: timedelta) -> None:
        nonlocal warned
        if age > STALE_AGE and not warned:
            warned = True
            click.echo(
                f"As of {describe_age(int(age.total_seconds()))}: the server has not seen the log's end since.",
                err=True,
            )

    return warn


def describe_age(seconds: int) -> str:
    """Return how long ago something was, in the largest unit that fits."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
