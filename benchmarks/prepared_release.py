"""The change to a prepared release with another fold, compared with the restart of an unchanged one."""

import signal
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.e2e.generations.changed_release import change_release, prepare

from benchmarks.restart import fold, start_until_receipt
from benchmarks.sample_orders import create_log
from benchmarks.table import Row

ROUNDS = 5
ALLOWED_SECONDS = 1.0
UNCHANGED: Mapping[str, str] = {}


def measure(events: int) -> Row:
    """Return the seconds from the last answer of a server to the first receipt of its successor.

    The limit is the same for a successor of the same release, measured alternately, and ALLOWED_SECONDS.
    """
    changed, unchanged = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        fold(data)
        release = change_release(Path(folder) / "release").environment
        for _ in range(ROUNDS):
            unchanged.append(_seconds_of_replacement(data, UNCHANGED))
            with prepare(data, release) as preparation:
                preparation.wait_ready()
                changed.append(_seconds_of_replacement(data, release))
                preparation.end()
            fold(data)  # the files of the unchanged release lack the last records
    name = f"start of a prepared release to the first receipt, {events:,} events"
    limit_name = f"unchanged release {median(unchanged):.2f} s + {ALLOWED_SECONDS} s"
    return Row(name, "s", median(changed), limit_name, median(unchanged) + ALLOWED_SECONDS, max_ratio=1.0)


def _seconds_of_replacement(data: Path, successor: Mapping[str, str]) -> float:
    """Replace a server of the unchanged release after its first receipt."""
    with ExitStack() as stack:
        predecessor = stack.enter_context(start_until_receipt(data))
        start = perf_counter()
        predecessor.send_signal(signal.SIGTERM)
        predecessor.wait()
        process = stack.enter_context(start_until_receipt(data, successor))
        seconds = perf_counter() - start
        process.send_signal(signal.SIGTERM)
        process.wait()
        return seconds
