"""Measure, and print the table."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import aged_log, commands, history, peer_upcasts, projector, proving, upcasting
from benchmarks.changes import KINDS
from benchmarks.load import require_h2load
from benchmarks.table import Row, show

FEW, MANY = 10_000, 300_000
MEASURES: list[Callable[[], Row]] = [
    commands.measure,
    partial(history.measure, FEW),
    partial(history.measure, MANY),
    partial(projector.measure, FEW),
    partial(projector.measure, MANY),
    partial(aged_log.measure, 2_000, "literal"),
    *(partial(upcasting.measure_kind, kind) for kind in KINDS),
    *(partial(upcasting.measure, hops) for hops in (5, 20)),
    *(partial(peer_upcasts.measure, hops) for hops in (1, 5, 20)),
    partial(proving.measure, 50),
]


def main() -> None:
    """Run every measure, one after another."""
    require_h2load()
    show(list(_rows()))


def _rows() -> Iterator[Row]:
    for place, measure in enumerate(MEASURES, 1):
        print(f"{place} of {len(MEASURES)} …", flush=True)
        yield measure()


if __name__ == "__main__":
    main()
