"""Measure, and print the table."""

from collections.abc import Callable, Iterator
from functools import partial

import click

from benchmarks import aged_log, commands, history, peer_upcasts, projector, proving, turns, upcasting
from benchmarks.changes import KINDS
from benchmarks.load import require_h2load
from benchmarks.on_kafka import batches, callers, failover, footprint, one_caller, projecting
from benchmarks.table import Row, show

FEW, MANY = 10_000, 300_000
MEASURES: dict[str, list[Callable[[], Row]]] = {
    "embedded": [
        commands.measure,
        turns.measure,
        partial(history.measure, FEW),
        partial(history.measure, MANY),
        partial(projector.measure, FEW),
        partial(projector.measure, MANY),
    ],
    "versions": [
        partial(aged_log.measure, 2_000, "literal"),
        *(partial(upcasting.measure_kind, kind) for kind in KINDS),
        *(partial(upcasting.measure, hops) for hops in (5, 20)),
        *(partial(peer_upcasts.measure, hops) for hops in (1, 5, 20)),
        partial(proving.measure, 50),
    ],
    "kafka": [
        *(partial(one_caller.measure, brokers, named, "the sum") for brokers in (1, 3) for named in (False, True)),
        *(partial(one_caller.measure, brokers, False, "both at once") for brokers in (1, 3)),
        *(partial(callers.measure, count, 1, 0.7) for count in (32, 256)),
        *(partial(callers.measure, count, 3, 0.5) for count in (32, 256)),
        partial(callers.measure_servers, 96),
        *(partial(batches.measure, brokers) for brokers in (1, 3)),
        partial(projecting.measure, 60_000),
        failover.measure,
        *(partial(footprint.measure, what, 12) for what in ("MB", "threads")),
    ],
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(MEASURES)))
def main(parts: tuple[str, ...]) -> None:
    """Run every measure, or those of the PARTS, one after another, and print the table."""
    require_h2load()
    show(list(_rows([measure for part in parts or MEASURES for measure in MEASURES[part]])))


def _rows(measures: list[Callable[[], Row]]) -> Iterator[Row]:
    for place, measure in enumerate(measures, 1):
        print(f"{place} of {len(measures)} …", flush=True)
        yield measure()


if __name__ == "__main__":
    main()
