"""A development cluster: `python -m tests.kafka` runs one until Ctrl-C, and prints where clients begin."""

import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import click
from tests.kafka.cluster import running
from tests.kafka.distribution import KafkaMissing, jars, java


@click.command()
@click.option("--brokers", default=1, show_default=True, type=click.IntRange(1, 9), help="How many nodes.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the data lies; else it goes when this ends.")
def main(brokers: int, data: Path | None) -> None:
    """Run Apache Kafka on this machine, without a container."""
    try:
        java(), jars()
    except KafkaMissing as missing:
        raise click.ClickException(str(missing)) from None
    with tempfile.TemporaryDirectory() as passing, running(data or Path(passing), brokers) as cluster:
        click.echo(cluster.bootstrap)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
