"""Runs this file in its own process, as the writer of a checked file.

Argument: the file. The process commits transactions of 20 rows until it is killed, checkpoints now and then, and prints
the number of each transaction after its commit.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen

from ordertrail_server.storage.checked.checkpoint import CheckedCheckpoints
from ordertrail_server.storage.checked.connection import connect_checked_writer
from ordertrail_server.storage.transaction import transaction

ROWS_A_TRANSACTION = 20


@contextmanager
def run_writer(path: Path) -> Iterator[Popen[str]]:
    """Run the process, and kill it at the end if it still runs."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with Popen([sys.executable, __file__, str(path)], stdout=PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def read_committed(process: Popen[str], count: int) -> int:
    """Return the last of the next `count` numbers that the process prints."""
    assert process.stdout is not None
    return int([process.stdout.readline() for _ in range(count)][-1])


def main(path: Path) -> None:
    """Write transactions until the process is killed."""
    writer = connect_checked_writer(path, "NORMAL")
    checkpoints = CheckedCheckpoints(writer, path)
    writer.execute("CREATE TABLE IF NOT EXISTS numbers (transaction_number INTEGER, text TEXT)")
    writer.execute("CREATE INDEX IF NOT EXISTS by_text ON numbers (text)")
    [first] = writer.execute("SELECT coalesce(max(transaction_number), 0) FROM numbers").fetchone()
    for number in count(first + 1):
        with transaction(writer):
            rows = [(number, f"{row * 7919 % 1000} {number}" * 9) for row in range(ROWS_A_TRANSACTION)]
            writer.executemany("INSERT INTO numbers VALUES (?, ?)", rows)
        print(number, flush=True)
        if number % 10 == 0:
            checkpoints.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
