"""Runs the measurements and prints the table."""

from collections.abc import Callable, Iterator
from functools import partial

import click

from benchmarks import (
    batched_commands,
    disk,
    eventsourcing_upcast,
    history_stream,
    mixed_load,
    old_version_projection,
    projector,
    rebuild_latency,
    restart,
    schema_proof,
    unary_commands,
    unary_latency,
    upcast,
)
from benchmarks.kafka import (
    batches,
    concurrent_callers,
    failover,
    footprint,
    projector as kafka_projector,
    single_caller,
)
from benchmarks.load_generator import find_h2load
from benchmarks.schema_change import CHANGE_KINDS
from benchmarks.table import Row, print_table

FEW, MANY = 10_000, 300_000
MEASURES: dict[str, list[Callable[[], Row]]] = {
    "embedded": [
        unary_commands.measure,
        unary_latency.measure,
        *(partial(batched_commands.measure, size) for size in (100, 1_000)),
        mixed_load.measure,
        rebuild_latency.measure,
        partial(history_stream.measure, FEW),
        partial(history_stream.measure, MANY),
        partial(projector.measure, FEW),
        partial(projector.measure, MANY),
        partial(disk.measure, FEW),
        partial(restart.measure, MANY),
    ],
    "versions": [
        partial(old_version_projection.measure, 2_000, "literal"),
        *(partial(upcast.measure_kind, kind) for kind in CHANGE_KINDS),
        *(partial(upcast.measure, hops) for hops in (5, 20)),
        *(partial(eventsourcing_upcast.measure, hops) for hops in (1, 5, 20)),
        partial(schema_proof.measure, 50),
    ],
    "kafka": [
        *(
            partial(single_caller.measure, brokers, has_client_ids, "sequential")
            for brokers in (1, 3)
            for has_client_ids in (False, True)
        ),
        *(partial(single_caller.measure, brokers, False, "combined") for brokers in (1, 3)),
        *(partial(concurrent_callers.measure, count, 1, 0.7) for count in (32, 256)),
        *(partial(concurrent_callers.measure, count, 3, 0.5) for count in (32, 256)),
        partial(concurrent_callers.measure_servers, 96),
        *(partial(batches.measure, brokers) for brokers in (1, 3)),
        partial(kafka_projector.measure, 60_000),
        failover.measure,
        *(partial(footprint.measure, metric, 12) for metric in ("MB", "threads")),
    ],
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(MEASURES)))
def main(parts: tuple[str, ...]) -> None:
    """Run the measurements of the PARTS (default: all) one after another, and print the table."""
    find_h2load()
    print_table(list(_rows([measure for part in parts or MEASURES for measure in MEASURES[part]])))


def _rows(measures: list[Callable[[], Row]]) -> Iterator[Row]:
    for number, measure in enumerate(measures, 1):
        print(f"{number} of {len(measures)} …", flush=True)
        yield measure()


if __name__ == "__main__":
    main()
