"""The progress bar of a build."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressBar:
    """A bar on stderr, if that is a terminal. Call it with the numbers that are done and in total.

    It leaves stdout as it is. So `hide` it before anything is printed; the next call shows it again.
    """

    def __init__(self, label: str, *, disable: bool) -> None:
        self._label, self._disable = label, disable
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Show the bar with these numbers."""
        if self._progress is None:
            self._progress = self._start()
        self._progress.update(self._progress.task_ids[0], completed=done, total=total)

    def hide(self) -> None:
        """Remove the bar from the terminal."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _start(self) -> "Progress":
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        is_hidden = self._disable or not console.is_terminal
        # The replacement of a redirected stdout has no encoding, and no file descriptor.
        progress = Progress(
            disable=is_hidden, transient=True, console=console, redirect_stdout=False, redirect_stderr=False
        )
        progress.add_task(self._label, total=None)
        progress.start()
        return progress


@contextmanager
def show_progress(label: str, *, disable: bool) -> Iterator[ProgressBar]:
    """Show a bar while the body runs."""
    bar = ProgressBar(label, disable=disable)
    try:
        bar(0, None)
        yield bar
    finally:
        bar.hide()
