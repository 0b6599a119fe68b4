"""An audit of a stopped server, compared with a rebuild, which folds and compares the same rows.

Both are measured in processor time, because both use one processor all the time.
"""

import tempfile
from pathlib import Path
from statistics import median
from time import process_time

from benchmarks.sample_orders import create_log
from benchmarks.table import MeasurementFailed, Row
from ordertrail.v1.projection_audit_pb2 import AUDIT_RESULT_CLEAN
from ordertrail_server.projections.audit.stopped_audit import audit_stopped
from ordertrail_server.projections.rebuild import rebuild

MAX_RATIO = 1.5
ROUNDS = 3


def measure(events: int) -> Row:
    """Return the seconds of an audit and of a rebuild of that many events, measured alternately."""
    audits, rebuilds = [], []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        create_log(data, events)
        _rebuild(data)  # the first one has nothing to compare with
        for _ in range(ROUNDS):
            rebuilds.append(_rebuild(data))
            audits.append(_audit(data))
    name = f"audit of {events:,} events"
    return Row(name, "s", median(audits), "a rebuild with its comparison", median(rebuilds), max_ratio=MAX_RATIO)


def _rebuild(data: Path) -> float:
    start = process_time()
    rebuild(data, lambda done, total: None)
    return process_time() - start


def _audit(data: Path) -> float:
    start = process_time()
    report = audit_stopped(data, [], lambda message: None)
    if report.result != AUDIT_RESULT_CLEAN:
        raise MeasurementFailed(f"the audit has {report.finding_count} findings")
    return process_time() - start
