"""Add a sample to the golden corpus: the bytes of a stored record, and a file with their meaning.

    python -m tests.corpus.add RECORD

RECORD is a file with the bytes of one record, as a log holds them; a file whose name ends in .json holds a
`Record` as protobuf JSON instead. What is in the corpus is never changed: if a reading changes, so must its test fail;
samples.lock holds what every sample was.
"""

import sys
from pathlib import Path
from typing import Final

from google.protobuf.json_format import MessageToJson, Parse
from tests.corpus.samples_lock import lock_sample

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.schema.reading import Reading, read

CORPUS: Final = Path(__file__).resolve().parent


class NotASample(ValueError):
    """The bytes are not a record with a readable event, or are in the corpus already."""


def add(value: bytes, corpus: Path = CORPUS) -> Path:
    """Write the bytes of a record and their meaning, lock them, and return where the bytes are. Raises NotASample."""
    reading = read(value)
    if reading is None or reading.fault:
        raise NotASample(reading.fault if reading else "The bytes are not a record.")
    if any(sample.read_bytes() == value for sample in corpus.glob("v*/*.binpb")):
        raise NotASample("The corpus has this record already.")
    path = _next_path(corpus / f"v{reading.written_version}", _event_type(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_new(path, value)
    _write_new(path.with_suffix(".json"), _meaning(reading).encode())
    lock_sample(path, corpus)
    return path


def _event_type(value: bytes) -> str:
    record = Record.FromString(value)
    name: str = getattr(record, record.WhichOneof("event") or "").DESCRIPTOR.name
    return name


def _next_path(folder: Path, event_type: str) -> Path:
    number = 1
    while (path := folder / f"{event_type}-{number}.binpb").exists():
        number += 1
    return path


def _write_new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)


def _meaning(reading: Reading) -> str:
    return MessageToJson(reading.event, indent=2, ensure_ascii=False) + "\n"


def main(path: Path) -> None:
    """Add the record of a file."""
    content = path.read_bytes()
    print(add(Parse(content, Record()).SerializeToString() if path.suffix == ".json" else content))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
