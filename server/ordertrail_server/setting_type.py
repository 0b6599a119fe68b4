"""The types of settings: how the text of a value is read, which values are allowed, and the errors of other ones.

The types of click are declarations with bounds, and the command line imports click in any case.
"""

from collections.abc import Callable
from math import isnan
from typing import Any

import click


class Text(click.ParamType[Any]):
    """A text that `parse` reads; it raises ValueError with the reason. `allowed` describes the values that it accepts.

    `placeholder` represents a value in the help, such as NAME.
    """

    name = "text"

    def __init__(self, parse: Callable[[Any], Any], allowed: str, placeholder: str) -> None:
        self.parse, self.allowed, self.placeholder = parse, allowed, placeholder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the parsed value. Raises ValueError."""
        return self.parse(value)


class Number(click.FloatRange):
    """A number within bounds; nan is not, although it is neither less nor greater."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number. Raises BadParameter."""
        number = super().convert(value, param, ctx)
        if isnan(number):
            self.fail("it is not a number", param, ctx)
        return number


class Switch(click.types.BoolParamType):
    """True or false; a blank text, which click may take for false, is neither."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Return the truth value. Raises BadParameter."""
        if isinstance(value, str) and not value.strip():
            self.fail("it is empty", param, ctx)
        return super().convert(value, param, ctx)


class Choices(click.ParamType[Any]):
    """One or more of these names, as a sequence or as a text with commas."""

    name = "choices"

    def __init__(self, names: tuple[str, ...]) -> None:
        self.choice = click.Choice(names)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a tuple of the names. Raises BadParameter."""
        names = value.split(",") if isinstance(value, str) else value
        return tuple(self.choice.convert(name.strip(), param, ctx) for name in names)
