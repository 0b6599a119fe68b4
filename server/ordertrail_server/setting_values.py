"""Reads the values of the settings, from options and environment variables, and checks each of them."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import click

from ordertrail_server.operator_error import OperatorError
from ordertrail_server.setting_text import describe_refusal, flag_name, variable_name
from ordertrail_server.settings import Settings


class SettingsRefused(OperatorError):
    """Values are not allowed. The message names each of them, with its bounds."""


def read_settings(flags: Mapping[str, Any]) -> Settings:
    """Return the settings. An option of the command line wins over the environment. Raises SettingsRefused."""
    values: dict[str, Any] = {}
    refusals = []
    for setting in fields(Settings):
        name = setting.name
        value = flags.get(name, os.environ.get(variable_name(name)))
        try:
            if value is not None:
                values[name] = setting.metadata["kind"].convert(value, None, None)
        except (click.BadParameter, ValueError) as error:
            typed_name = flag_name(name) if name in flags else variable_name(name)
            refusals.append(describe_refusal(typed_name, value, setting, error))
    if refusals:
        raise SettingsRefused(" ".join(refusals))
    try:
        return Settings(**values)
    except ValueError as error:
        raise SettingsRefused(str(error)) from None
