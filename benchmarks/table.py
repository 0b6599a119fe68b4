"""A row of the table: what was measured, beside the limit measured in the same run."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """`ours` and `limit` are in `unit`.

    To be reached: a ratio of at least `goal`, or of `at_most`; a rate, `floor`; or a cost, `ceiling`.
    """

    name: str
    unit: str
    ours: float
    limit_name: str
    limit: float
    goal: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """Say what is to be reached."""
        if self.goal is not None:
            return f"≥ {self.goal:.2f} of it"
        if self.at_most is not None:
            return f"≤ {self.at_most:.2f} of it"
        if self.floor is not None:
            return f"≥ {_figure(self.floor)}"
        return f"≤ {_figure(self.ceiling)}" if self.ceiling is not None else ""


def show(rows: Iterable[Row]) -> None:
    """Print the table."""
    table = Table("what", "ours", "limit", "ratio", "to reach", title="Ordertrail on this machine, medians")
    for row in rows:
        ours, limit = f"{_figure(row.ours)} {row.unit}", f"{_figure(row.limit)}  ({row.limit_name})"
        table.add_row(row.name, ours, limit, f"{row.ours / row.limit:.2f}", row.wanted)
    Console(width=150).print(table)


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"
