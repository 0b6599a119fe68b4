"""The progress bar of a build."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(label: str, *, disable: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, if that is a terminal, while the body runs. Yields what updates it: (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(disable=disable or not console.is_terminal, transient=True, console=console) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
