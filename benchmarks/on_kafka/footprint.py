"""What a server with all roles takes of its machine: memory and threads of it and of its projector."""

import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks.commands import PLACE_ORDER
from benchmarks.load import calls_per_second
from benchmarks.on_kafka.brokers import site
from benchmarks.samples import place_order
from benchmarks.servers import ordertrail
from benchmarks.table import Row

CALLERS, SECONDS = 32, 3


def measure(what: str, partitions: int) -> Row:
    """Return the memory ("MB") or "threads" of a server behind some load, on Kafka and on the embedded log."""
    figure = {"MB": 0, "threads": 1}[what]
    with site(partitions=partitions) as there:
        on_kafka, data = there.folder / "server", there.folder / "data"
        with there.server(on_kafka.name) as kafka, ordertrail(data) as embedded:
            for address in (kafka, embedded):
                calls_per_second(address, PLACE_ORDER, place_order(), CALLERS, SECONDS)
            ours, limit = (_taken(str(directory))[figure] for directory in (on_kafka, data))
    name = f"Kafka, {partitions} partitions: {what} of a server and its projector"
    return Row(name, what, ours, "ours on the embedded log", limit)


def _taken(data: str) -> tuple[float, float]:
    """Return the resident memory in MB and the threads of the processes that were told of a data directory."""
    taken = [_of(process) for process in _processes(data)]
    return sum(memory for memory, _ in taken), sum(threads for _, threads in taken)


def _processes(data: str) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if data.encode() in words:
            yield process


def _of(process: Path) -> tuple[float, float]:
    status = (process / "status").read_text()
    memory, threads = (int(re.findall(rf"{name}:\s+(\d+)", status)[0]) for name in ("VmRSS", "Threads"))
    return memory / 1000, threads
