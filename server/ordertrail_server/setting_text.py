"""Texts about settings: flags, defaults, bounds, and errors in their values."""

from dataclasses import Field
from typing import Any

import click

from ordertrail_server.setting_type import Choices, Switch, Text

PREFIX = "ORDERTRAIL_"
MAX_VALUE_LENGTH = 100
"""The most characters of a value that an error repeats."""


def flag_name(name: str) -> str:
    """Return the option of a setting."""
    return f"--{name.replace('_', '-')}"


def off_flag_name(name: str) -> str:
    """Return the option that switches off a setting that is on by default."""
    return f"--no-{name.replace('_', '-')}"


def variable_name(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def is_number(setting: Field[Any]) -> bool:
    """Return whether the setting is a number."""
    return isinstance(setting.metadata["kind"], click.IntRange | click.FloatRange)


def value_placeholder(setting: Field[Any]) -> str:
    """Return the placeholder of a value in the help; of a number its unit, the last word of the setting's name."""
    kind = setting.metadata["kind"]
    return kind.placeholder if isinstance(kind, Text) else setting.name.rpartition("_")[2].upper()


def describe_default(setting: Field[Any]) -> str:
    """Return the default as the environment variable would hold it; empty if the setting is off or empty."""
    default: Any = setting.default
    if default is None:
        return ""
    if isinstance(default, bool):
        return "true" if default else ""
    if isinstance(default, tuple):
        return ",".join(default)
    if default is None:
        return ""
    return f"{default:.0f}" if is_number(setting) and default == int(default) else str(default)


def describe_bounds(setting: Field[Any]) -> str:
    """Return a short text of the allowed values."""
    match setting.metadata["kind"]:
        case Text(allowed=allowed):
            return str(allowed)
        case Switch():
            return "true or false"
        case Choices(choice=choice):
            return f"one or more of {', '.join(choice.choices)}"
        case click.Choice(choices=choices):
            *first_choices, last_choice = choices
            return f"{', '.join(first_choices)} or {last_choice}"
        case click.IntRange():
            return f"a whole number {describe_range(setting)}"
    return f"a number {describe_range(setting)}"


def describe_range(setting: Field[Any]) -> str:
    """Return the bounds of a number."""
    kind = setting.metadata["kind"]
    minimum, maximum = (f"{limit:g}" if isinstance(limit, float) else limit for limit in (kind.min, kind.max))
    return f"from {minimum} to {maximum}"


def describe_refusal(typed_name: str, value: object, setting: Field[Any], error: Exception) -> str:
    """Return a sentence for a refused setting: its name as it was typed, its value, its bounds, and a reason if any."""
    # What click says about a value is in the bounds.
    reason = f" ({error})" if isinstance(error, ValueError) else ""
    return f"{typed_name} is {repr(value)[:MAX_VALUE_LENGTH]}, but must be {describe_bounds(setting)}{reason}."
