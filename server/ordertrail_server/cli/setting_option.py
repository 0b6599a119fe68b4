"""The options of `ordertrail serve`, derived from the fields of its settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ordertrail_server.setting_text import (
    describe_default,
    describe_range,
    flag_name,
    is_number,
    value_placeholder,
)

F = TypeVar("F", bound=Callable[..., Any])


def setting_options(model: type[BaseModel]) -> Callable[[F], F]:
    """Add an option for each setting, in the order of the model. A setting without a flag is None, or an empty tuple.

    The model checks the values and reads the environment.
    """

    def decorate(command: F) -> F:
        for name, field in reversed(model.model_fields.items()):
            command = click.option(flag_name(name), help=_help(field), **_parsing(name, field))(command)
        return command

    return decorate


def _help(field: FieldInfo) -> str:
    """Return the description with the default, and the bounds of a number."""
    remarks = [f"default: {default}"] if (default := describe_default(field)) else []
    if is_number(field):
        remarks.append(describe_range(field))
    return f"{field.description}  [{'; '.join(remarks)}]" if remarks else field.description or ""


def _parsing(name: str, field: FieldInfo) -> dict[str, Any]:
    if field.annotation is bool:
        return {"is_flag": True, "default": None}
    if field.annotation is Path:
        return {"type": click.Path(path_type=Path, file_okay=False), "metavar": value_placeholder(name, field)}
    if get_origin(field.annotation) is Literal:
        return {"type": click.Choice(get_args(field.annotation))}
    if get_origin(field.annotation) is tuple:
        choice, _ = get_args(field.annotation)
        return {"type": click.Choice(get_args(choice)), "multiple": True}
    return {"metavar": value_placeholder(name, field)}
