"""The projections over events that are one version old, compared with the same events in the newest version.

`python -m benchmarks.old_version_projection` runs the server's code on protos with further versions of OrderPlaced.
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

from benchmarks.evolved_modules import install_modules
from benchmarks.table import Row

ROUNDS: Final = 25


def measure(events: int, kind: str) -> Row:
    """Return events per second of processor time, for old and for newest events, measured alternately.

    It takes the best round of each, because other load on the machine costs a round more than the upcast.
    """
    from benchmarks.evolved_schema import list_files
    from benchmarks.schema_change import CHANGE_KINDS

    image = FileDescriptorSet(file=list_files(CHANGE_KINDS[kind]))
    command = [sys.executable, "-m", "benchmarks.old_version_projection", str(events)]
    output = subprocess.run(command, check=True, input=image.SerializeToString(), stdout=subprocess.PIPE).stdout
    rates = json.loads(output)
    name = f"projections, {events:,} events one version old: {kind}"
    return Row(
        name, "events/s of CPU", max(rates["old"]), "in the newest version", max(rates["newest"]), min_ratio=0.95
    )


def main(events: int) -> None:
    """Read the image of the evolved protos from stdin; print {log: [events/s]} as JSON."""
    install_modules(FileDescriptorSet.FromString(sys.stdin.buffer.read()))
    print(json.dumps(_rates(events)))


def _rates(events: int) -> dict[str, list[float]]:
    # Imported late, so that all modules use the evolved protos.
    from benchmarks.old_version_log import create_logs
    from benchmarks.projector import seconds_on_embedded

    rates: dict[str, list[float]] = {"old": [], "newest": []}
    with tempfile.TemporaryDirectory() as folder:
        logs = create_logs(Path(folder), events)
        for round_ in range(ROUNDS):
            for name, data in logs.items():
                start = process_time()
                asyncio.run(seconds_on_embedded(data, Path(folder) / f"{name}-{round_}"))
                rates[name].append(events / (process_time() - start))
    return rates


if __name__ == "__main__":
    main(int(sys.argv[1]))
