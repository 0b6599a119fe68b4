"""The option --proto of the commands that work on a checkout."""

from pathlib import Path

import click

proto_option = click.option(
    "--proto",
    type=click.Path(path_type=Path),
    default=Path("proto"),
    show_default=True,
    metavar="DIR",
    help="The folder of the protos in a checkout of Ordertrail.",
)
