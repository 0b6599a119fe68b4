"""The result table: each row has a figure of Ordertrail and a limit that was measured in the same run."""

from collections.abc import Iterable
from typing import NamedTuple

import grpc
from rich.console import Console
from rich.table import Table

MAX_ERROR_LENGTH = 300
"""The most characters of an error."""


class MeasurementFailed(Exception):
    """A measurement has no figure. The message says why."""


class Failure(NamedTuple):
    """A measurement that failed, and why, in one line."""

    name: str
    error: str


class Row(NamedTuple):
    """One measurement; `ours` and `limit` are in `unit`.

    The target is at most one of: bounds of the ratio ours/limit (`min_ratio`, `max_ratio`), a rate, or a cost.
    """

    name: str
    unit: str
    ours: float
    limit_name: str
    limit: float
    min_ratio: float | None = None
    min_rate: float | None = None
    max_cost: float | None = None
    max_ratio: float | None = None

    @property
    def target(self) -> str:
        """Return the text of the target."""
        if self.min_ratio is not None:
            return f"≥ {self.min_ratio:.2f} of the limit"
        if self.max_ratio is not None:
            return f"≤ {self.max_ratio:.2f} of the limit"
        if self.min_rate is not None:
            return f"≥ {_figure(self.min_rate)}"
        return f"≤ {_figure(self.max_cost)}" if self.max_cost is not None else ""


def print_table(outcomes: Iterable[Row | Failure]) -> None:
    """Print the table, and a line for each failure below it."""
    console, failures = Console(width=150), list[Failure]()
    table = Table("measurement", "Ordertrail", "limit", "ratio", "target", title="Ordertrail on this machine (medians)")
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            failures.append(outcome)
            continue
        row = outcome
        ours, limit = f"{_figure(row.ours)} {row.unit}", f"{_figure(row.limit)}  ({row.limit_name})"
        table.add_row(row.name, ours, limit, f"{row.ours / row.limit:.2f}", row.target)
    console.print(table)
    for failure in failures:
        print(f"failed: {failure.name}: {failure.error}")


def describe_error(error: Exception) -> str:
    """Return an error in one line."""
    if isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        text = f"{error.code().name}: {error.details()}"
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:MAX_ERROR_LENGTH]


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}"
