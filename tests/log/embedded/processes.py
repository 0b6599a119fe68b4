"""Runs tests/log/embedded/appender.py in its own process."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen


@contextmanager
def run_appender(directory: Path, batches: int) -> Iterator[Popen[str]]:
    """Run the process, and kill it at the end if it still runs."""
    command = [sys.executable, str(Path(__file__).with_name("appender.py")), str(directory), str(batches)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def read_acknowledged_offset(process: Popen[str], count: int) -> int:
    """Return the last of the next `count` offsets that the process prints."""
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(count)]
    assert lines[-1], process.communicate()[1]
    return int(lines[-1])
