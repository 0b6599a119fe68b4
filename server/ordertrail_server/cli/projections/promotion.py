"""Promotes a generation and reports it."""

from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.projections.build_progress import show_progress
from ordertrail_server.cli.projections.generation_choice import promote_when_ready
from ordertrail_server.cli.value_text import json_line

if TYPE_CHECKING:
    from ordertrail.client import OrderTrail


async def promote_and_report(client: "OrderTrail", name: str, number: int, *, as_json: bool) -> None:
    """Promote a generation as soon as it is up to date, and print it."""
    with show_progress(f"bringing {name} up to date", disable=as_json) as on_count:
        generation = await promote_when_ready(client, name, number, on_count)
    click.echo(json_line(generation) if as_json else f"Generation {number} of {name} is live now.")
