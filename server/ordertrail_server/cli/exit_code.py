"""Runs the command line: exit codes, and one sentence on stderr after a failure."""

import os
import signal
import sys
from traceback import print_exc
from typing import NoReturn

import click

from ordertrail_server.cli.standard_output import OutputFailed, discard, replace_stdout
from ordertrail_server.operator_error import OperatorError

FAILED = 1
UNCHECKED = 2
INTERRUPTED = 130  # 128 + SIGINT, the exit code that shells use
BROKEN_PIPE = 141  # 128 + SIGPIPE
TRACEBACK = "ORDERTRAIL_TRACEBACK"


class FailureCode:
    """The exit code of a failure that has none of its own, such as an unexpected error. The command may change it."""

    exit_code = FAILED


class VerdictCommand(click.Command):
    """A command whose exit code 1 is a verdict. So a failure ends it with UNCHECKED."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        ctx.ensure_object(FailureCode).exit_code = UNCHECKED
        return super().invoke(ctx)


def run_and_exit(command: click.Command) -> NoReturn:
    """Run the command line. Unless TRACEBACK is set, no exception reaches the user as a traceback."""
    replace_stdout()
    try:
        code, failure = _run(command)
        _show(failure)
    except KeyboardInterrupt:  # a second Ctrl-C while the first is handled
        code = INTERRUPTED
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # The interpreter may still wait for threads; Ctrl-C ends that without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _run(command: click.Command) -> tuple[int, click.ClickException | None]:
    """Return the exit code, and the failure to show, if any."""
    failure_code = FailureCode()
    try:
        code = command.main(prog_name="ordertrail", standalone_mode=False, obj=failure_code)
        sys.stdout.flush()
    except click.ClickException as error:
        return error.exit_code, error
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED, None
    except OutputFailed as error:
        discard(sys.stdout)
        # The reader of a closed pipe does not want the output.
        return (
            (BROKEN_PIPE, None)
            if isinstance(error.cause, BrokenPipeError)
            else _create_failure(str(error), failure_code)
        )
    except OperatorError as error:
        return _create_failure(str(error), failure_code)
    except ModuleNotFoundError:
        raise  # the console script prints what to install
    except Exception as error:
        if os.environ.get(TRACEBACK):
            print_exc()
            return failure_code.exit_code, None
        return _create_failure(_describe(error), failure_code)
    return code if isinstance(code, int) else 0, None


def _create_failure(sentence: str, failure_code: FailureCode) -> tuple[int, click.ClickException]:
    return failure_code.exit_code, click.ClickException(sentence)


def _show(failure: click.ClickException | None) -> None:
    try:
        if failure is not None:
            failure.show()
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def _describe(error: Exception) -> str:
    from ordertrail_server.cli.value_text import escape
    from ordertrail_server.orders.error_text import named_error_text

    description = escape(named_error_text(error)).rstrip(".")
    return f"Unexpected error: {description}. Set {TRACEBACK}=1 to print the traceback."
