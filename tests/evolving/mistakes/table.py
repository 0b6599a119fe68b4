"""All mistakes, and the reports of their guards."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from typing import Final

from tests.evolving.mistakes import (
    command_code,
    fields,
    lineage,
    lock_file,
    outside_protos,
    public,
    released,
    value_types,
)
from tests.evolving.mistakes.guard import findings
from tests.evolving.mistakes.mistake import Mistake, shorten_names
from tests.evolving.mistakes.trees import copy_tree

MISTAKES: Final[Sequence[Mistake]] = [
    *released.MISTAKES,
    *lock_file.MISTAKES,
    *lineage.MISTAKES,
    *fields.MISTAKES,
    *value_types.MISTAKES,
    *public.MISTAKES,
    *outside_protos.MISTAKES,
    *command_code.MISTAKES,
]


def report_mistake(mistake: Mistake) -> list[str]:
    """Make a mistake in a copy of the tree, and return the report of its guard."""
    with copy_tree(mistake.state) as root:
        mistake.edit(root)
        return [shorten_names(reports) for reports in findings(mistake.guard, root)]


@contextmanager
def run_mistakes(mistakes: Sequence[Mistake]) -> Iterator[Mapping[str, Future[list[str]]]]:
    """Make mistakes in parallel, and yield the report of each by title. Most of the work is in other processes.

    All reports are complete when it yields. pytest sets an environment variable before each test, and a process that
    another thread starts at that moment can fail with EFAULT.
    """
    with ThreadPoolExecutor(cpu_count()) as pool:
        reports = {mistake.title: pool.submit(report_mistake, mistake) for mistake in mistakes}
    yield reports
