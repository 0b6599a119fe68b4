"""Chaos for as long as it takes: `python -m tests.chaos --minutes 60`. Exits 1 when a promise was broken."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom
from time import monotonic

import click
from tests.chaos.rounds import Plan, run
from tests.kafka.distribution import KafkaMissing


@click.command()
@click.option("--minutes", default=3.0, show_default=True, help="No round begins later than this.")
@click.option("--servers", default=3, show_default=True, type=click.IntRange(1, 9), help="How many take commands.")
@click.option("--brokers", default=1, show_default=True, type=click.IntRange(1, 3), help="How many nodes.")
@click.option("--seconds", default=24.0, show_default=True, help="How long things go wrong in a round.")
@click.option("--seed", type=int, help="Decides what is asked and what goes wrong; else chosen, and told.")
@click.option("--keep", type=click.Path(path_type=Path), help="Where all data lies, and stays.")
def main(minutes: float, servers: int, brokers: int, seconds: float, seed: int | None, keep: Path | None) -> None:
    """Hurt servers and brokers at random, and compare all answers with the topic. Evidence stays where it is told."""
    plan = Plan(SystemRandom().randrange(1_000_000) if seed is None else seed, servers, brokers, seconds)
    directory = keep or Path(tempfile.mkdtemp(prefix="ordertrail-chaos-"))
    click.echo(f"{plan}, in {directory}")
    try:
        kept = asyncio.run(_play(plan, directory, 60 * minutes))
    except KafkaMissing as missing:
        raise click.ClickException(str(missing)) from None
    if kept and keep is None:
        shutil.rmtree(directory)
    sys.exit(0 if kept else 1)


async def _play(plan: Plan, directory: Path, seconds: float) -> bool:
    async with run(plan, directory) as running:
        until = monotonic() + seconds
        while monotonic() < until:
            outcome = await running.round()
            click.echo(str(outcome))
            for broken in outcome.broken:
                click.echo(f"  {broken}", err=True)
            if outcome.broken:
                return False
    return True


if __name__ == "__main__":
    main()
