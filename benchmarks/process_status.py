"""The processes of a server on a data directory: its own, its projector, and its builds."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MODULES = {"ordertrail_server.cli", "ordertrail_server.projections.process"}


class ProcessStatus(NamedTuple):
    """The resident memory in MB, and the number of threads."""

    megabytes: float
    threads: int


def list_statuses(data: str) -> list[ProcessStatus]:
    """Return the status of each process of a server."""
    return [_read_status(pid) for pid, _ in list_commands(data)]


def read_processor_seconds(data: str) -> float:
    """Return the processor time that the processes of a server have used since their start."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid, _ in list_commands(data)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def list_commands(data: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the id and the command of each process of a server. A projector has the directory in a JSON object."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        except OSError:  # the process has ended
            continue
        if MODULES & set(words) and any(data in (word, _data_of(word)) for word in words):
            yield int(process.name), words


def _data_of(source: str) -> str:
    data = re.search(r'"data": "([^"]*)"', source)
    return data[1] if data else ""


def _read_status(pid: int) -> ProcessStatus:
    text = Path(f"/proc/{pid}/status").read_text()
    kilobytes, threads = (int(re.findall(rf"{name}:\s+(\d+)", text)[0]) for name in ("VmRSS", "Threads"))
    return ProcessStatus(kilobytes / 1000, threads)
