"""Rounds of faults for a given time: `python -m tests.chaos --minutes 60`. Exits with 1 if a guarantee was violated."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom
from time import monotonic

import click
from tests.chaos.run import Plan, start_run
from tests.kafka.distribution import KafkaMissing


@click.command()
@click.option("--minutes", default=3.0, show_default=True, help="The time after which no round begins.")
@click.option(
    "--servers",
    default=3,
    show_default=True,
    type=click.IntRange(1, 9),
    help="The number of servers that accept commands.",
)
@click.option("--brokers", default=1, show_default=True, type=click.IntRange(1, 3), help="The number of brokers.")
@click.option("--seconds", default=24.0, show_default=True, help="The duration of the faults in a round.")
@click.option("--seed", type=int, help="Determines requests and faults. Random and printed by default.")
@click.option("--keep", type=click.Path(path_type=Path), help="A directory that keeps all data.")
def main(minutes: float, servers: int, brokers: int, seconds: float, seed: int | None, keep: Path | None) -> None:
    """Inject random faults into servers and brokers, and compare all answers with the topic."""
    plan = Plan(SystemRandom().randrange(1_000_000) if seed is None else seed, servers, brokers, seconds)
    directory = keep or Path(tempfile.mkdtemp(prefix="ordertrail-chaos-"))
    click.echo(f"{plan}, in {directory}")
    try:
        is_kept = asyncio.run(_play_rounds(plan, directory, 60 * minutes))
    except KafkaMissing as missing:
        raise click.ClickException(str(missing)) from None
    if is_kept and keep is None:
        shutil.rmtree(directory)
    sys.exit(0 if is_kept else 1)


async def _play_rounds(plan: Plan, directory: Path, seconds: float) -> bool:
    async with start_run(plan, directory) as run:
        until = monotonic() + seconds
        while monotonic() < until:
            outcome = await run.play_round()
            click.echo(str(outcome))
            for message in outcome.broken:
                click.echo(f"  {message}", err=True)
            if outcome.broken:
                return False
    return True


if __name__ == "__main__":
    main()
