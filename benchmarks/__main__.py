"""Measure, and print the table."""

from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import commands, history, projector
from benchmarks.load import require_h2load
from benchmarks.table import Row, show

FEW, MANY = 10_000, 300_000
MEASURES: list[Callable[[], Row]] = [
    commands.measure,
    partial(history.measure, FEW),
    partial(history.measure, MANY),
    partial(projector.measure, FEW),
    partial(projector.measure, MANY),
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
