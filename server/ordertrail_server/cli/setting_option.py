"""The options of `ordertrail serve`, derived from the fields of its settings."""

from collections.abc import Callable
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from ordertrail_server.setting_text import (
    describe_default,
    describe_range,
    flag_name,
    is_number,
    off_flag_name,
    value_placeholder,
)
from ordertrail_server.setting_type import Choices, Switch
from ordertrail_server.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


def setting_options(command: F) -> F:
    """Add an option for each setting, in their order. A setting without a flag is None, or an empty tuple.

    `read_settings` checks the values and reads the environment.
    """
    for setting in reversed(fields(Settings)):
        command = click.option(_declaration(setting), help=_help(setting), **_parsing(setting))(command)
    return command


def _declaration(setting: Field[Any]) -> str:
    flag = flag_name(setting.name)
    return f"{flag}/{off_flag_name(setting.name)}" if setting.default is True else flag


def _help(setting: Field[Any]) -> str:
    """Return the help text with the default, and the bounds of a number."""
    remarks = [f"default: {default}"] if (default := describe_default(setting)) else []
    if is_number(setting):
        remarks.append(describe_range(setting))
    text = str(setting.metadata["help"])
    return f"{text}  [{'; '.join(remarks)}]" if remarks else text


def _parsing(setting: Field[Any]) -> dict[str, Any]:
    kind = setting.metadata["kind"]
    if isinstance(kind, Switch):
        return {"is_flag": True, "default": None}
    if isinstance(setting.default, Path):
        return {"type": click.Path(path_type=Path, file_okay=False), "metavar": value_placeholder(setting)}
    if isinstance(kind, Choices):
        return {"type": kind.choice, "multiple": True}
    return {"type": kind} if isinstance(kind, click.Choice) else {"metavar": value_placeholder(setting)}
