"""The progress bar of a build."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def show_progress(label: str, *, disable: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr, if that is a terminal, while the body runs. Yields what updates it: (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(disable=disable, transient=True, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
