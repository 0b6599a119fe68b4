"""The projection `timeline`: its share of the projector's processor time, and of the bytes of all projections."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import process_time
from unittest.mock import patch

from benchmarks.projector import ROUNDS, seconds_on_embedded
from benchmarks.sample_orders import create_log
from benchmarks.table import Row
from ordertrail_server.projections.batch import Batch
from ordertrail_server.projections.catalog import TIMELINE
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.running_projection import RunningProjection

MAX_SHARE = 0.25


def measure(events: int) -> Row:
    """Return the processor time of the timeline's batches with their commits, and of the whole projector."""
    timeline, whole = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        for round_ in range(ROUNDS):
            with _timing_timeline() as spans:
                whole.append(asyncio.run(seconds_on_embedded(data, Path(folder) / f"{round_}", process_time)))
            timeline.append(sum(spans))
    name = f"timeline, from offset 0, of {events:,} events"
    ours, limit = (median(seconds) / events * 1e6 for seconds in (timeline, whole))
    return Row(name, "µs an event", ours, "the whole projector", limit, max_ratio=MAX_SHARE)


def measure_bytes(events: int) -> Row:
    """Return the bytes an event of the timeline, and of all projections."""
    with tempfile.TemporaryDirectory() as folder:
        data, directory = Path(folder) / "data", Path(folder) / "projections"
        create_log(data, events)
        asyncio.run(seconds_on_embedded(data, directory))
        ours = live_generation(directory, TIMELINE).stat().st_size / events
        limit = sum(file.stat().st_size for file in directory.glob("*.sqlite")) / events
    return Row(f"disk, the timeline, {events:,} events", "bytes an event", ours, "all projections", limit)


@contextmanager
def _timing_timeline() -> Iterator[list[float]]:
    """Measure each batch of the timeline in the body, in seconds of processor time."""
    spans: list[float] = []
    apply = RunningProjection.apply

    def apply_timed(running: RunningProjection, batch: Batch) -> None:
        start = process_time()
        apply(running, batch)
        if running.name == TIMELINE:
            spans.append(process_time() - start)

    with patch.object(RunningProjection, "apply", apply_timed):
        yield spans
