"""`ordertrail policy`: the policy file of a server; one file per command, as in the folder above."""

import click

from ordertrail_server.cli.lazy_group import LazyGroup

POLICY_COMMANDS = {"check": "Check a policy file, and explain a decision."}

EPILOG = """\b
Example:
  ordertrail policy check policy.toml"""


@click.command(cls=LazyGroup, modules=__name__, summaries=POLICY_COMMANDS, epilog=EPILOG)
def policy() -> None:
    """Check the file that decides who may do what."""
