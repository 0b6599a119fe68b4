"""The option that leaves out the projection `timeline`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def timeline_option(command: F) -> F:
    """Add `--timeline/--no-timeline`, as `has_timeline`."""
    return click.option(
        "--timeline/--no-timeline",
        "has_timeline",
        default=True,
        show_default=True,
        envvar="ORDERTRAIL_TIMELINE",
        show_envvar=True,
        help="Whether the server keeps the projection timeline. Without it, its files are left as they are.",
    )(command)
