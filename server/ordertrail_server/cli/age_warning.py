"""The warning about a stale answer. The server measures the age, because the client's clock may differ."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ordertrail.query_methods import OnAge

STALE_AGE = timedelta(seconds=10)
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def create_age_warning() -> "OnAge":
    """Return a callback that warns once on stderr if an answer is stale. All its pages have the same age."""
    warned = False

    def warn(age: timedelta) -> None:
        nonlocal warned
        if age > STALE_AGE and not warned:
            warned = True
            last_seen = describe_age(int(age.total_seconds()))
            click.echo(f"The answer may be stale: the server last saw the end of the log {last_seen}.", err=True)

    return warn


def describe_age(seconds: int) -> str:
    """Return an age such as `3 minutes ago`, in the largest unit that fits."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= size)
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
