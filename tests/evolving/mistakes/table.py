"""All mistakes, and what their guards say of them."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from typing import Final

from tests.evolving.mistakes import beside_protos, fields, in_code, lineage, lock_file, public, released, value_types
from tests.evolving.mistakes.guard import findings
from tests.evolving.mistakes.mistake import Mistake, short
from tests.evolving.mistakes.trees import tree_in

MISTAKES: Final[Sequence[Mistake]] = [
    *released.MISTAKES,
    *lock_file.MISTAKES,
    *lineage.MISTAKES,
    *fields.MISTAKES,
    *value_types.MISTAKES,
    *public.MISTAKES,
    *beside_protos.MISTAKES,
    *in_code.MISTAKES,
]


def report_of(mistake: Mistake) -> list[str]:
    """Make a mistake in a tree of its own, and return what its guard says."""
    with tree_in(mistake.state) as root:
        mistake.edit(root)
        return [short(reports) for reports in findings(mistake.guard, root)]


@contextmanager
def run_mistakes(mistakes: Sequence[Mistake]) -> Iterator[Mapping[str, Future[list[str]]]]:
    """Make mistakes side by side, since most of each is another process; yields {mistake: what its guard says}.

    It waits for all of them: pytest sets an environment variable before each test, and a process that another thread
    starts at that moment may find its environment gone (EFAULT).
    """
    with ThreadPoolExecutor(cpu_count()) as pool:
        reports = {mistake.title: pool.submit(report_of, mistake) for mistake in mistakes}
    yield reports
