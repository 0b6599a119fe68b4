"""The images that a power cut at each moment of a recorded run could leave."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.e2e.power_cuts.disk import Disk
from tests.e2e.power_cuts.recording import Ends, Recording

from ordertrail_server.log.embedded.file import LOG_FILE


class Image(NamedTuple):
    """The files of a log after a power cut, by the suffixes of their names, and what the log must hold."""

    operation: int
    files: dict[str, bytes]
    promised: Ends

    def write(self, directory: Path) -> None:
        """Write the files to a new directory."""
        directory.mkdir()
        for suffix, content in self.files.items():
            (directory / f"{LOG_FILE}{suffix}").write_bytes(content)


def build_images(recording: Recording, number: int, seed: str) -> Iterator[Image]:
    """Yield this number of images, at random moments in the order of the run."""
    random = Random(seed)
    moments = Counter(random.choices(range(len(recording.operations) + 1), k=number))
    disk = Disk(recording.initial_file)
    for moment in range(len(recording.operations) + 1):
        for _ in range(moments[moment]):
            yield Image(moment, disk.cut(random), recording.promised[moment])
        if moment < len(recording.operations):
            disk.add(recording.operations[moment])
