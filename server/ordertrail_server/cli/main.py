"""The command `ordertrail` and its subcommands."""

from importlib.metadata import PackageNotFoundError, version

import click

from ordertrail_server.cli.exit_code import run_and_exit
from ordertrail_server.cli.lazy_group import LazyGroup
from ordertrail_server.cli.standard_streams import open_standard_streams

# Name and summary of each command, in the order in which a new user needs them.
COMMANDS = {
    "serve": "Serve orders from a data directory.",
    "produce": "Send sample orders to a server.",
    "history": "Show the events of an order, or of a customer.",
    "orders": "List orders as they stand.",
    "tail": "Show the records of the log, one by one.",
    "import-json": "Take in orders that older producers wrote as JSON.",
    "parked": "List, show and retry orders that could not be read.",
    "rebuild": "Build the read model again from the log.",
    "schema": "Change what events are stored as.",
    "topics": "Make, check and delete the Kafka topic of a log.",
    "log": "Copy a log between a data directory and a topic.",
}

EXAMPLE = """\b
Example:
  ordertrail serve --data ./data --listen 127.0.0.1:50051
  ordertrail produce 1000
  ordertrail orders --status confirmed

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 130 stopped by Ctrl-C.
With ORDERTRAIL_TRACEBACK=1 an unexpected failure shows where it happened."""


def installed_version() -> str:
    """Return the installed release; `(not installed)` in a bare clone."""
    try:
        return version("ordertrail")
    except PackageNotFoundError:
        return "(not installed)"


@click.command(cls=LazyGroup, modules="ordertrail_server.cli", summaries=COMMANDS, epilog=EXAMPLE)
@click.version_option(installed_version(), prog_name="ordertrail")
def ordertrail() -> None:
    """The order service whose history can be trusted for ever."""


def main() -> None:
    """Run the command line. Exits with its code."""
    open_standard_streams()
    run_and_exit(ordertrail)
