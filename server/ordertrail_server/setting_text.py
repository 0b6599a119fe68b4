"""Texts about settings: flags, defaults, bounds, and errors in their values."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

PREFIX = "ORDERTRAIL_"
MAX_VALUE_LENGTH = 100
"""The most characters of a value that an error repeats."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Describes the allowed values of a setting that is not a number, as part of its annotation.

    `placeholder` represents a value in the help, such as NAME.
    """

    text: str
    placeholder: str = ""


def flag_name(name: str) -> str:
    """Return the option of a setting."""
    return f"--{name.replace('_', '-')}"


def variable_name(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def is_number(field: FieldInfo) -> bool:
    """Return whether the setting is a number."""
    return field.annotation in (int, float)


def value_placeholder(name: str, field: FieldInfo) -> str:
    """Return the placeholder of a value in the help; of a number its unit, the last word of the setting's name."""
    marks = [mark.placeholder for mark in field.metadata if isinstance(mark, Allowed)]
    return marks[0] if marks else name.rpartition("_")[2].upper()


def describe_default(field: FieldInfo) -> str:
    """Return the default as the environment variable would hold it; empty if the setting is off or empty."""
    if field.default is False:
        return ""
    if isinstance(field.default, tuple):
        return ",".join(field.default)
    return f"{field.default:.0f}" if is_number(field) and field.default == int(field.default) else str(field.default)


def describe_bounds(field: FieldInfo) -> str:
    """Return a short text of the allowed values. Raises ValueError if the setting has no bounds."""
    for mark in field.metadata:
        if isinstance(mark, Allowed):
            return mark.text
    if field.annotation is bool:
        return "true or false"
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    return f"a {'whole number' if field.annotation is int else 'number'} {describe_range(field)}"


def describe_range(field: FieldInfo) -> str:
    """Return the bounds of a number. Raises ValueError if it has none."""
    minimum, maximum = (
        f"{limit:g}" if isinstance(limit, float) else limit for limit in (_limit(field, "ge"), _limit(field, "le"))
    )
    return f"from {minimum} to {maximum}"


def describe_errors(error: ValidationError, fields: dict[str, FieldInfo], flags: Container[str]) -> Iterator[str]:
    """Yield a sentence for each refused setting: its name, its value and its bounds.

    `flags` are the settings that were set by flag. The other ones are named by their environment variable.
    """
    for problem in error.errors():
        if not problem["loc"]:
            yield str(problem["ctx"]["error"])
            continue
        name = str(problem["loc"][0])
        value = repr(problem["input"])[:MAX_VALUE_LENGTH]
        detail = problem.get("ctx", {}).get("error")
        reason = f" ({detail})" if isinstance(detail, ValueError) else ""
        typed_name = flag_name(name) if name in flags else variable_name(name)
        yield f"{typed_name} is {value}, but must be {describe_bounds(fields[name])}{reason}."


def _limit(field: FieldInfo, name: str) -> Any:
    for mark in field.metadata:
        if hasattr(mark, name):
            return getattr(mark, name)
    raise ValueError(f"a setting has no bound {name}: {field}")
