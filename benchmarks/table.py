"""A row of the table: what was measured, beside the limit measured in the same run."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """`ours` and `limit` are rates in `unit`. To be reached: `goal`, their ratio, or `floor`, a rate."""

    name: str
    unit: str
    ours: float
    limit_name: str
    limit: float
    goal: float | None = None
    floor: float | None = None

    @property
    def wanted(self) -> str:
        """Say what is to be reached."""
        return f"≥ {self.goal:.2f} of it" if self.goal is not None else f"≥ {self.floor:,.0f}" if self.floor else ""


def show(rows: Iterable[Row]) -> None:
    """Print the table."""
    table = Table("what", "ours", "limit", "ratio", "to reach", title="Ordertrail on this machine, medians")
    for row in rows:
        ours, limit = f"{row.ours:,.0f} {row.unit}", f"{row.limit:,.0f}  ({row.limit_name})"
        table.add_row(row.name, ours, limit, f"{row.ours / row.limit:.2f}", row.wanted)
    Console(width=150).print(table)
