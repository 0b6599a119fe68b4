"""A development cluster: `python -m tests.kafka` runs one until Ctrl-C, and prints its bootstrap servers."""

import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import click
from tests.kafka.cluster import run_cluster
from tests.kafka.distribution import KafkaMissing, fetch_jars, find_java


@click.command()
@click.option("--brokers", default=1, show_default=True, type=click.IntRange(1, 9), help="How many nodes.")
@click.option("--data", type=click.Path(path_type=Path), help="The directory of the data; default: a temporary one.")
def main(brokers: int, data: Path | None) -> None:
    """Run Apache Kafka on this machine, without a container."""
    try:
        find_java(), fetch_jars()
    except KafkaMissing as missing:
        raise click.ClickException(str(missing)) from None
    with tempfile.TemporaryDirectory() as temporary, run_cluster(data or Path(temporary), brokers) as cluster:
        click.echo(cluster.bootstrap)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
