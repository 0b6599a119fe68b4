"""Finds generations of a server's release, and waits for them."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ordertrail_server.cli.projections.generation_text import state_text
from ordertrail_server.cli.value_text import escape

if TYPE_CHECKING:
    from ordertrail.client import OrderTrail
    from ordertrail.v1.projection_service_pb2 import Generation, Projection

CHECK_SECONDS = 0.2
OnCount = Callable[[int, int], None]
"""Called with the number of folded records, and of records in the log."""


async def find_projection(client: "OrderTrail", name: str) -> "Projection":
    """Return a projection of the server. Raises ClickException if there is none."""
    for projection in await client.projections():
        if projection.name == name:
            return projection
    raise click.ClickException(f"The server has no projection {name}; `ordertrail projections list` lists them.")


async def find_newest(client: "OrderTrail", name: str, *states: str) -> "Generation":
    """Return the newest generation in one of the states. Raises ClickException if there is none."""
    projection = await find_projection(client, name)
    generations = [g for g in own_generations(projection) if state_text(g) in states]
    if not generations:
        raise click.ClickException(f"There is no generation of {name} that is {' or '.join(states)}.")
    return generations[-1]


async def find_previous(client: "OrderTrail", name: str) -> "Generation":
    """Return the newest kept generation before the live one. Raises ClickException if there is none."""
    generations = own_generations(await find_projection(client, name))
    live_number = max((g.number for g in generations if state_text(g) == "live"), default=0)
    previous = [g for g in generations if state_text(g) in ("kept", "ready") and g.number < live_number]
    if not previous:
        raise click.ClickException(f"No generation of {name} is kept from before the live one.")
    return previous[-1]


def own_generations(projection: "Projection") -> "list[Generation]":
    """Return the generations of the server's release, the oldest first."""
    return [generation for generation in projection.generations if generation.definition == projection.definition]


async def wait_ready(client: "OrderTrail", name: str, number: int, on_count: OnCount) -> None:
    """Return when a generation is complete and follows the log. Raises ClickException if its build has stopped."""
    shown_reason = ""
    while True:
        projection = await find_projection(client, name)
        if projection.stopped_reason != shown_reason:  # such as a full disk, which may pass
            shown_reason = projection.stopped_reason
            if shown_reason:
                click.echo(f"Still waiting for {name}: {escape(shown_reason)}.", err=True)
        generation = next((g for g in own_generations(projection) if g.number == number), None)
        if generation is not None:
            on_count(generation.folded_count, generation.folded_count + generation.lag_count)
            if state_text(generation) in ("ready", "live"):
                return
            if state_text(generation) != "building":
                reason = f": {projection.stopped_reason}." if projection.stopped_reason else "."
                raise click.ClickException(f"The build of generation {number} of {name} has stopped{reason}")
        await asyncio.sleep(CHECK_SECONDS)


async def promote_when_ready(client: "OrderTrail", name: str, number: int, on_count: OnCount) -> "Generation":
    """Promote a generation as soon as it is up to date; the server brings it up to date if it is not."""
    from ordertrail.errors import Refused

    while True:
        try:
            return await client.promote_generation(name, number, timeout=60.0)
        except Refused as refusal:
            if refusal.reason != "GENERATION_NOT_READY":
                raise
        await wait_ready(client, name, number, on_count)
