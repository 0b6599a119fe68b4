"""The command `ordertrail` and its subcommands."""

from importlib.metadata import PackageNotFoundError, version

import click

from ordertrail_server.cli.exit_code import run_and_exit
from ordertrail_server.cli.lazy_group import LazyGroup
from ordertrail_server.cli.standard_streams import open_standard_streams

# Name and summary of each command, in the order in which a new user needs them.
COMMANDS = {
    "serve": "Serve orders over gRPC.",
    "produce": "Send sample orders to a server.",
    "submit": "Submit commands that the server stores and decides later.",
    "commands": "List, show, watch, retry and reject submitted commands.",
    "history": "Show the events of an order or of a customer.",
    "orders": "List orders as they are, or as they were at a moment.",
    "diff": "Show the orders that changed between two moments.",
    "totals": "Show ordered, shipped and returned quantities of products.",
    "tail": "Print the records of a log.",
    "import-json": "Import orders that older producers wrote as JSON.",
    "parked": "List, show and retry orders with facts that cannot be read.",
    "subscriptions": "Create, list and operate durable subscriptions.",
    "webhooks": "Create and operate subscriptions that post events to a URL.",
    "projections": "List, rebuild and promote the projections of a running server.",
    "prepare": "Build the projections of a new release beside the server.",
    "rebuild": "Rebuild the projections of a stopped server from the log.",
    "backup": "Back up a data directory beside its server, or verify a backup.",
    "restore": "Make a data directory of a backup.",
    "export": "Write timeline and events as JSON Lines, CSV or Parquet.",
    "audit": "Compare the projections with a new fold of the log.",
    "doctor": "Check what a server needs, and say how to fix what is wrong.",
    "verify": "Check a receipt against the records of its order.",
    "policy": "Check the file that decides who may do what.",
    "schema": "Create, check and release versions of stored events.",
    "topics": "Create, check and delete the Kafka topics of a log.",
    "log": "Copy a log between a data directory and a Kafka topic.",
}

EXAMPLE = """\b
Example:
  ordertrail serve --data ./data --listen 127.0.0.1:50051
  ordertrail produce 1000
  ordertrail orders --status confirmed

Exit codes: 0 success, 1 failure or refusal, 2 wrong usage, 130 Ctrl-C.
ORDERTRAIL_TRACEBACK=1 adds the traceback to an unexpected error."""


def read_installed_version() -> str:
    """Return the installed release; `(not installed)` in a bare clone."""
    try:
        return version("ordertrail")
    except PackageNotFoundError:
        return "(not installed)"


@click.command(cls=LazyGroup, modules="ordertrail_server.cli", summaries=COMMANDS, epilog=EXAMPLE)
@click.version_option(read_installed_version(), prog_name="ordertrail")
def ordertrail() -> None:
    """The order service whose history can be trusted for ever."""


def main() -> None:
    """Run the command line. Exits with its code."""
    open_standard_streams()
    run_and_exit(ordertrail)
