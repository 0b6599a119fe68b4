"""The options that limit how many rows a command shows."""

from collections.abc import Callable
from sys import maxsize
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

MAX_PAGE_SIZE = 1_000


def limit_options(command: F) -> F:
    """Add `--limit` and `--all`. `resolve_limit` combines them."""
    limit = click.option(
        "--limit",
        type=click.IntRange(1),
        default=100,
        show_default=True,
        metavar="N",
        help="The maximum number of rows.",
    )
    show_all = click.option("--all", "show_all", is_flag=True, help="Show all rows. Overrides --limit.")
    return limit(show_all(command))


def resolve_limit(limit: int, show_all: bool) -> int:
    """Return the maximum number of rows to show."""
    return maxsize if show_all else limit


def page_size(limit: int) -> int:
    """Return the page size to request: one row more than is shown, to detect whether there are more."""
    return min(limit + 1, MAX_PAGE_SIZE)


def report_truncation(limit: int) -> None:
    """Print on stderr that there are more rows than shown."""
    click.echo(f"There are more rows than {limit:,}. --all shows all of them.", err=True)
