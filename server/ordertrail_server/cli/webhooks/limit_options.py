"""The options that limit the attempts of a webhook."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--attempt-seconds",
        metavar="SECONDS",
        type=click.FloatRange(1, 60),
        help="How long an attempt may take: 15 at first.",
    ),
    click.option(
        "--max-in-flight",
        metavar="N",
        type=click.IntRange(1, 20),
        help="How many deliveries, of different orders, may be in flight: 5 at first.",
    ),
    click.option(
        "--max-attempts",
        metavar="N",
        type=click.IntRange(1, 1000),
        help="How often a delivery is attempted before its order is parked: 16 at first.",
    ),
)


def attempt_options(command: F) -> F:
    """Add the options. Without a value they are None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
