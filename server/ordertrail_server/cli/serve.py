"""`ordertrail serve`: run a server with some or all roles."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ordertrail_server.cli.log_option import LIBRDKAFKA
from ordertrail_server.cli.setting_option import setting_options
from ordertrail_server.cli.value_text import error_text
from ordertrail_server.logs.log_output import LogFormat, is_json, write_logs
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.setting_text import flag_name, variable_name
from ordertrail_server.setting_values import SettingsRefused, read_settings
from ordertrail_server.settings import Settings

if TYPE_CHECKING:
    from ordertrail_server.edge.address import Address

_log = logging.getLogger(__name__)

SAMPLE = "grace_seconds"
EPILOG = f"""\b
Examples:
  ordertrail serve --data ./data --listen 127.0.0.1:50051
  ordertrail serve --log kafka --bootstrap 127.0.0.1:9092 --role command

An environment variable can set each option, such as {variable_name(SAMPLE)} for {flag_name(SAMPLE)}. The option wins
over the variable. {LIBRDKAFKA}"""


@click.command(epilog=EPILOG)
@setting_options
@click.option("--json", "as_json", is_flag=True, help="Print the address as a JSON object.")
def serve(as_json: bool, **flags: Any) -> None:
    """Serve commands and history over gRPC until SIGTERM or Ctrl-C.

    Prints `listening on ADDRESS` when it listens. A call waits until the projections that it needs include the log, at
    most until its deadline. After the signal the server finishes running calls, for at most --grace-seconds. Exit
    codes: 0 stopped by the signal, 1 failed, with the reason on stderr, 2 wrong usage.
    """
    import os

    # The server starts processes while gRPC's threads run, and each of them executes another program at once. gRPC's
    # handlers of fork() are for processes that continue as copies; with them, such a start can crash.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    flag_values = {name: value for name, value in flags.items() if value not in (None, ())}
    try:
        settings = read_settings(flag_values)
    except SettingsRefused as error:
        raise click.UsageError(str(error)) from None
    with write_logs(settings.log_format, settings.log_level), _log_failure(settings.log_format):
        _serve(settings, as_json)


def _serve(settings: Settings, as_json: bool) -> None:
    import asyncio
    import gc

    from ordertrail_server.storage.descriptors import refuse_low_limit
    from ordertrail_server.storage.sqlite import sqlite3

    # Almost every object created until the server listens lives as long as the process, so a collection would free
    # nothing. `serving` enables collections again.
    gc.disable()
    try:
        import uvloop

        from ordertrail_server import serving

        refuse_low_limit()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serving.serve(settings, _print_as_json if as_json else _print))
    except (OperatorError, OSError) as error:
        raise click.ClickException(error_text(error)) from error
    except sqlite3.Error as error:  # as on a disk that is full or read-only
        raise click.ClickException(f"a file in {settings.data} cannot be used: {error}") from error
    finally:
        gc.enable()


def _print(address: "Address") -> None:
    click.echo(f"listening on {address}")
    sys.stdout.flush()


def _print_as_json(address: "Address") -> None:
    import json

    click.echo(json.dumps({"listening": str(address)}))
    sys.stdout.flush()


@contextmanager
def _log_failure(log_format: LogFormat) -> Iterator[None]:
    """If log lines are JSON, log the reason of a failure as one of them, instead of a sentence on stderr."""
    try:
        yield
    except click.ClickException as failure:
        if not is_json(log_format):
            raise
        _log.critical("%s", failure.message)
        click.get_current_context().exit(failure.exit_code)
