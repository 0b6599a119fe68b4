"""Prints the progress of a preparation: a bar for each projection on a terminal, or lines."""

import sys
from collections.abc import Mapping
from contextlib import ExitStack
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from ordertrail_server.cli.value_text import escape, json_line

if TYPE_CHECKING:
    from ordertrail_server.projections.preparation import PreparationProgress

LINE_SECONDS = 1.0
"""How often a JSON line is printed at most."""


class PreparationReport:
    """Prints progress until it is closed. `is_ready` is the state of the last progress."""

    def __init__(self, *, as_json: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self.is_ready = False
        self._as_json, self._was_ready, self._printed_at = as_json, False, 0.0
        console = Console(stderr=True)
        self._bars = Progress(disable=as_json or not console.is_terminal, transient=True, console=console)
        self._tasks: dict[str, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._bars)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, progress: "PreparationProgress") -> None:
        """Show how far the projections are; the first time that all are ready, print that."""
        self.is_ready = progress.is_ready
        becomes_ready = progress.is_ready and not self._was_ready
        self._was_ready = self._was_ready or progress.is_ready
        if self._as_json:
            if becomes_ready or monotonic() - self._printed_at >= LINE_SECONDS:
                self._printed_at = monotonic()
                self._print(json_line(_progress_json(progress)))
            return
        for projection in progress.projections:
            if projection.name not in self._tasks:
                self._tasks[projection.name] = self._bars.add_task(projection.name, total=None)
            self._bars.update(self._tasks[projection.name], completed=projection.folded_count, total=progress.end)
        if becomes_ready:
            self._print(f"ready: {', '.join(map(_describe, progress.projections))}")

    def note_takeover(self) -> None:
        """Print that another process continues."""
        message = "a server has taken the files over" if self.is_ready else "another process uses the files"
        self._print(json_line({"event": "taken_over", "isReady": self.is_ready}) if self._as_json else message)

    def show_stopped(self, stopped: Mapping[str, str]) -> None:
        """Print the projections that have stopped alone."""
        for name, reason in stopped.items():
            click.echo(f"{name} has stopped: {escape(reason)}.", err=True)

    def _print(self, line: str) -> None:
        click.echo(line)
        sys.stdout.flush()


def _describe(projection: Any) -> str:
    state = " (in use by the running server)" if projection.is_served else ""
    return f"{projection.name} {projection.folded_count:,} records{state}"


def _progress_json(progress: "PreparationProgress") -> dict[str, Any]:
    projections = {
        projection.name: {
            "folded": projection.folded_count,
            "isComplete": projection.is_complete,
            "isServed": projection.is_served,
        }
        for projection in progress.projections
    }
    return {"projections": projections, "end": progress.end, "isReady": progress.is_ready}
