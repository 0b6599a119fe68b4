"""The lock of the golden corpus: the digest of every added sample, so that no sample is changed or removed."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from ordertrail_server.schema.lock.sealed_text import Entry, append_entries, entries, find_damage

LOCK_NAME: Final = "samples.lock"
HEADER: Final = """\
# Every sample of the corpus as it was added: the SHA-256 of its bytes, and that of its meaning as compact JSON with
# sorted names. Never edit it: `python -m tests.corpus.add` adds to it, and each digest covers the text above it.
"""


def lock_sample(sample: Path, corpus: Path) -> None:
    """Add the sample with the bytes in the file `sample` to the lock of its corpus."""
    lock = corpus / LOCK_NAME
    text = append_entries(_read(lock) or HEADER, [_entry(sample, corpus)])
    lock.write_text(text, encoding="utf-8", newline="\n")


def find_sample_gaps(corpus: Path) -> list[str]:
    """Return the samples that were changed or are not locked, and the damaged places of the lock."""
    text = _read(corpus / LOCK_NAME)
    gaps = [f"{LOCK_NAME}, {where}" for where in find_damage(text)]
    locked = {entry.heading: entry.lines for entry in entries(text)}
    present = {_name(path, corpus): path for path in sorted(corpus.glob("v*/*")) if path.suffix in (".binpb", ".json")}
    for name in sorted({*locked, *present}):
        if name not in locked:
            gaps.append(f"{name} is not locked: add samples with `python -m tests.corpus.add`")
        elif (old_lines := locked[name]) != (new_lines := _lines(corpus / name)):
            changed_lines = [
                old_line for old_line, new_line in zip(old_lines, new_lines, strict=True) if old_line != new_line
            ]
            gaps.append(f"{name} was added with other contents ({', '.join(changed_lines)}); bring it back")
    return gaps


def _entry(sample: Path, corpus: Path) -> Entry:
    return Entry(_name(sample, corpus), _lines(sample.with_suffix("")))


def _name(sample: Path, corpus: Path) -> str:
    return sample.with_suffix("").relative_to(corpus).as_posix()


def _lines(sample: Path) -> tuple[str, str]:
    return (
        f"bytes {_digest(sample.with_suffix('.binpb'))}",
        f"meaning {_digest(sample.with_suffix('.json'))}",
    )


def _digest(path: Path) -> str:
    if not path.exists():
        return "gone"
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return sha256(content).hexdigest()


def _read(lock: Path) -> str:
    return lock.read_text(encoding="utf-8") if lock.exists() else ""
