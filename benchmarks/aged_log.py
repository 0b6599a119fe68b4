"""The projector over events that are one version old, beside the same events in the newest version.

For that the protos have grown by some versions of OrderPlaced: `python -m benchmarks.aged_log` runs the server's own
code on the modules that would be made of them.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from benchmarks.grown_modules import put_in_place
from benchmarks.table import Row

ROUNDS: Final = 25


def measure(events: int, kind: str) -> Row:
    """Return events a second of processor time: one such change old, and in the newest version, in turns.

    Of each the best round, since what else goes on takes more from a round than the upcast.
    """
    from benchmarks.changes import KINDS
    from benchmarks.grown_tree import files_of

    image = FileDescriptorSet(file=files_of(KINDS[kind]))
    command = [sys.executable, "-m", "benchmarks.aged_log", str(events)]
    output = subprocess.run(command, check=True, input=image.SerializeToString(), stdout=subprocess.PIPE).stdout
    rates = json.loads(output)
    name = f"projector, {events:,} events one version old: {kind}"
    return Row(name, "events/s of CPU", max(rates["old"]), "in the newest version", max(rates["newest"]), goal=0.95)


def main(events: int) -> None:
    """Read the image of the grown protos from the standard input; print {log: [events a second]} as JSON."""
    put_in_place(FileDescriptorSet.FromString(sys.stdin.buffer.read()))
    print(json.dumps(_rates(events)))


def _rates(events: int) -> dict[str, list[float]]:
    # Imported late, so that all of it finds the grown modules.
    from benchmarks.aged_samples import make_logs
    from benchmarks.projector import seconds_on_embedded

    rates: dict[str, list[float]] = {"old": [], "newest": []}
    with tempfile.TemporaryDirectory() as folder:
        logs = make_logs(Path(folder), events)
        for round_ in range(ROUNDS):
            for name, data in logs.items():
                begun = process_time()
                asyncio.run(seconds_on_embedded(data, Path(folder) / f"{name}-{round_}"))
                rates[name].append(events / (process_time() - begun))
    return rates


if __name__ == "__main__":
    main(int(sys.argv[1]))
