"""The arguments that name a projection and one of its generations."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


class ProjectionName(click.ParamType[str]):
    """The name of a projection, as the contract allows it."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        import re

        if not re.fullmatch("[a-z][a-z0-9_]{0,62}", str(value)):
            self.fail(f"{value!r} is no name of a projection: lower-case letters, digits and _.", param, ctx)
        return str(value)


projection_argument = click.argument("name", metavar="NAME", type=ProjectionName())


def number_argument(*, required: bool) -> Callable[[F], F]:
    """Add the argument NUMBER, the number of a generation of the server's release."""
    return click.argument("number", metavar="NUMBER", type=click.IntRange(1, 2**31 - 1), required=required)
