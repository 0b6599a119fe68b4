"""Metrics of the files in the data directory, and of the disk that holds it."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage

from prometheus_client import Metric

from ordertrail_server.admin.family import Labels, gauge
from ordertrail_server.admin.sampling import SampledCollector

_AUDIT = re.compile("projections/audit-[^/]*/")


class FileState(SampledCollector):
    """The names of files are relative to the data directory.

    The directories of audits count as one, because their names are random.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._sizes: dict[Labels, float] = {}
        self._free: dict[Labels, float] = {}

    async def sample(self) -> None:
        """Read the sizes."""
        self._sizes = await asyncio.to_thread(_read_sizes, self._data)
        with suppress(OSError):
            usage = await asyncio.to_thread(disk_usage, self._data)
            self._free = {(): usage.free}

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield gauge("file_bytes", "The sizes of files in the data directory.", ("file",), self._sizes)
        yield gauge("disk_free_bytes", "The free space on the disk of the data directory.", (), self._free)


def _read_sizes(data: Path) -> dict[Labels, float]:
    sizes: dict[Labels, float] = {}
    for path in sorted(data.rglob("*.sqlite*")):
        with suppress(OSError):  # a file that was just removed
            name = _AUDIT.sub("projections/audit/", str(path.relative_to(data)))
            sizes[(name,)] = sizes.get((name,), 0) + path.stat().st_size
    return sizes
