"""A group of commands that imports a command when it is run."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from ordertrail_server.cli.text_type import TEXT


class LazyGroup(click.Group):
    """A group with the names and summaries of its commands: `x-y` is the command `x_y` in the module `modules`.x_y."""

    def __init__(self, *args: Any, modules: str, summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules, self._summaries = modules, summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of `summaries`."""
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; return None if there is none of this name."""
        if cmd_name not in self._summaries:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{self._modules}.{name}"), name)
        for param in command.params:
            if param.type is click.STRING:
                param.type = TEXT
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))
