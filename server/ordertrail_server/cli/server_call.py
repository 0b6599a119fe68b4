"""The shared parts of commands that call a server: its address, and the message of a failed call."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from ordertrail_server.cli.value_text import escape
from ordertrail_server.edge.address import FORMS, parse_address

if TYPE_CHECKING:
    from ordertrail.errors import OrderTrailError

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
AsyncCommand = Callable[P, Coroutine[Any, Any, None]]

DEFAULT_TARGET = "127.0.0.1:50051"
# For commands that continue after a restart of the server: they must not wait for a server that never ran.
FIRST_CONTACT_SECONDS = 2.0


class CallFailed(click.ClickException):
    """A call to the server failed: one sentence, and the command's exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it of the class, and reads it of the instance


def target_option(command: F) -> F:
    """Add `--target`."""
    return click.option(
        "--target",
        metavar="HOST:PORT",
        callback=check_target,
        default=DEFAULT_TARGET,
        show_default=True,
        envvar="ORDERTRAIL_TARGET",
        show_envvar=True,
        help="The address of the server; unix:PATH for a Unix socket.",
    )(command)


def check_target(_: click.Context, option: click.Parameter, target: str | None) -> str | None:
    """Return an address of a server, None if there is none. Raises BadParameter."""
    try:
        return None if target is None else str(parse_address(target, first_port=1))
    except ValueError as error:
        raise click.BadParameter(f"{target!r} is not a valid address: {error}. Use {FORMS}.", param=option) from None


def calls_server(*, exit_code: int = 1) -> Callable[[AsyncCommand[P]], Callable[P, None]]:
    """Run an asynchronous command; a failed call ends it with one sentence and the exit code."""

    def decorate(command: AsyncCommand[P]) -> Callable[P, None]:
        @wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            from ordertrail.errors import OrderTrailError

            try:
                asyncio.run(command(*args, **kwargs))
            except OrderTrailError as error:
                # An error may quote text from producers.
                raise CallFailed(escape(describe_call_error(error, str(kwargs.get("target", "")))), exit_code) from None

        return run

    return decorate


def describe_call_error(error: "OrderTrailError", target: str = "") -> str:
    """Return one line: the problem with the invalid fields, the reason, and what to do."""
    from ordertrail.errors import Unavailable

    # A server that answers UNAVAILABLE also sends a retry delay. Without one, no server answered.
    if target and isinstance(error, Unavailable) and error.reason == "UNAVAILABLE" and error.retry_after is None:
        return f"The server at {escape(target)} cannot be reached: is it running there?"
    unmentioned = (violation for violation in error.violations if violation.description not in error.message)
    fields = "".join(f" {violation.field}: {violation.description}." for violation in unmentioned)
    return f"{error.message}{fields} [{error.reason}] {error.action}".strip()
