"""Texts about settings: their bounds, and errors in their values."""

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
    """Describes the allowed values of a setting that is not a number, as part of its annotation."""

    text: str


def describe_bounds(field: FieldInfo) -> str:
    """Return a short text of the allowed values. Raises ValueError if the setting has no bounds."""
    for mark in field.metadata:
        if isinstance(mark, Allowed):
            return mark.text
    if field.annotation is bool:
        return "true or false"
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    minimum, maximum = (
        f"{limit:g}" if isinstance(limit, float) else limit for limit in (_limit(field, "ge"), _limit(field, "le"))
    )
    kind = "whole number" if field.annotation is int else "number"
    return f"a {kind} from {minimum} to {maximum}"


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
        typed_name = f"--{name.replace('_', '-')}" if name in flags else f"{PREFIX}{name.upper()}"
        yield f"{typed_name} is {value}, and must be {describe_bounds(fields[name])}{reason}."


def _limit(field: FieldInfo, name: str) -> Any:
    for mark in field.metadata:
        if hasattr(mark, name):
            return getattr(mark, name)
    raise ValueError(f"a setting has no bound {name}: {field}")
