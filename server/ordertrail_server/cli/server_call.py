"""Commands that call a server: their run, and the message of a failed call."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import click

from ordertrail_server.cli.target import Target
from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from ordertrail.errors import OrderTrailError

P = ParamSpec("P")
AsyncCommand = Callable[P, Coroutine[Any, Any, None]]

# For commands that continue after a restart of the server: they must not wait for a server that never ran.
FIRST_CONTACT_SECONDS = 2.0


class CallFailed(click.ClickException):
    """A call to the server failed: one sentence, and the command's exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code  # type: ignore[misc]  # click declares it of the class, and reads it of the instance


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
                raise CallFailed(escape(describe_call_error(error, _address_in(kwargs))), exit_code) from None

        return run

    return decorate


def _address_in(kwargs: dict[str, Any]) -> str:
    target = kwargs.get("target")
    return target.address if isinstance(target, Target) else ""


def describe_call_error(error: "OrderTrailError", target: str = "") -> str:
    """Return one line: the problem with the invalid fields, the reason, and what to do."""
    from ordertrail.errors import Unavailable

    # A server that answers UNAVAILABLE also sends a retry delay. Without one, no server answered.
    if target and isinstance(error, Unavailable) and error.reason == "UNAVAILABLE" and error.retry_after is None:
        return f"The server at {escape(target)} cannot be reached: is it running there?"
    unmentioned = (violation for violation in error.violations if violation.description not in error.message)
    fields = "".join(f" {violation.field}: {violation.description}." for violation in unmentioned)
    return f"{error.message}{fields} [{error.reason}] {error.action}".strip()
