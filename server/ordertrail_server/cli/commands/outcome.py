"""Waits for the outcome of a submitted command, and warns if it is stopped."""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from ordertrail.client import OrderTrail
    from ordertrail.v1.submitted_commands_pb2 import SubmittedCommand


async def wait_for_outcome(
    client: "OrderTrail",
    command_id: str,
    on_state: "Callable[[SubmittedCommand], object]" = lambda command: None,
    tokens: Iterable[str] = (),
) -> "SubmittedCommand":
    """Return a command once it has an outcome. `on_state` gets each of its states, also the last one."""
    async with aclosing(client.watch_command(command_id, at_least_as_fresh=tokens)) as states:
        async for command in states:
            on_state(command)
            if command.stop_reason:
                _warn_stopped(command)
    return command


def _warn_stopped(command: "SubmittedCommand") -> None:
    click.echo(
        f"Command {command.command_id} is stopped, and later commands of its order wait: "
        f"{escape(command.stop_reason)}. `ordertrail commands retry` or `reject` continues.",
        err=True,
    )
