"""The report of a run of sample orders: progress, acknowledgements, refusals, and counts at the end."""

from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from ordertrail_server.cli.server_call import describe_call_error
from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from rich.progress import Progress

    from ordertrail.commands import Request
    from ordertrail.errors import OrderTrailError
    from ordertrail.v1.receipt_pb2 import Receipt


class ProductionReport:
    """Counts the outcomes of the commands of `orders` orders. Prints the counts at the end, also after Ctrl-C."""

    def __init__(self, orders: int, *, show_acks: bool, as_json: bool) -> None:
        self.orders = self.acknowledged = self.refused = 0
        self._expected, self._show_acks, self._as_json = orders, show_acks, as_json
        self._bar = _create_bar(is_visible=not (show_acks or as_json))

    def __enter__(self) -> Self:
        self._started_at = monotonic()
        self._bar.start()
        self._task = self._bar.add_task("orders", total=self._expected)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._print_counts(monotonic() - self._started_at)

    def acknowledge(self, receipt: "Receipt") -> None:
        """Count a command that led to a fact."""
        self.acknowledged += 1
        if receipt.order_version == 1:
            self.orders += 1
            self._bar.advance(self._task)
        if self._show_acks:
            click.echo(json_line(receipt) if self._as_json else _describe_acknowledgement(receipt))

    def refuse(self, request: "Request", error: "OrderTrailError") -> None:
        """Count and print a refused command."""
        self.refused += 1
        click.echo(f"{request.order_id}: {escape(describe_call_error(error))}", err=True)

    def _print_counts(self, seconds: float) -> None:
        rate = round(self.acknowledged / seconds)
        if self._as_json:
            counts = {"orders": self.orders, "acknowledged": self.acknowledged, "refused": self.refused}
            click.echo(json_line({**counts, "seconds": round(seconds, 3), "commandsPerSecond": rate}))
        else:
            click.echo(
                f"{self.orders:,} of {self._expected:,} orders; {self.acknowledged:,} commands acknowledged, "
                f"{self.refused:,} refused; {seconds:.1f} s, {rate:,} commands/s"
            )


def _describe_acknowledgement(receipt: "Receipt") -> str:
    position = receipt.position
    return (
        f"{escape(position.topic)} {position.partition}:{position.offset}  {escape(receipt.order_id)}  "
        f"version {receipt.order_version}{'  (replayed)' if receipt.replayed else ''}"
    )


def _create_bar(*, is_visible: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (is_visible and console.is_terminal))
