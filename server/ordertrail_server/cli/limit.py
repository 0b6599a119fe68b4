"""How many of what there is a command shows."""

from collections.abc import Callable
from sys import maxsize
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

LARGEST_PAGE = 1_000


def limit_options(command: F) -> F:
    """Add `--limit` and `--all`, of which `most` makes one number."""
    limit = click.option(
        "--limit", type=click.IntRange(1), default=100, show_default=True, help="Show so many at most."
    )
    show_all = click.option("--all", "show_all", is_flag=True, help="Show all, whatever --limit says.")
    return limit(show_all(command))


def resolve_limit(limit: int, show_all: bool) -> int:
    """Return how many are shown at most; 1 at least."""
    return maxsize if show_all else limit


def page_size(limit: int) -> int:
    """Return how many to ask for at once: one more than is shown tells whether there are more."""
    return min(limit + 1, LARGEST_PAGE)


def report_truncation(limit: int) -> None:
    """Say on stderr that not all is shown."""
    click.echo(f"There are more than {limit}; --all shows all.", err=True)
