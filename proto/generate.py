"""Compile proto/ into client/: the only generator of the committed contract, run by `make generate`.

    python proto/generate.py [FOLDER]

It runs in an environment of its own (see the Makefile), whose older compiler makes code that any protobuf from 6.31
on can load. The new code is generated beside the old code and replaces it only if all of it compiled, so a mistake in a
proto or an interruption leaves the old code in place. Code of a removed proto is removed.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from shutil import rmtree

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
GOOGLEAPIS, PROTOVALIDATE = ROOT / "third_party" / "googleapis", ROOT / "third_party" / "protovalidate"
BUNDLED = files("grpc_tools") / "_proto"


def main(client: Path) -> int:
    """Replace the generated code in a folder. Returns protoc's exit code; unless it is 0, nothing was changed."""
    with _stage_beside(client) as stage:
        status = _compile(stage)
        if status == 0:
            _replace_generated(client, stage)
    return status


@contextmanager
def _stage_beside(client: Path) -> Iterator[Path]:
    # The name is fixed, so that a run removes what a killed one left behind.
    stage = client.with_name(f".{client.name}.new")
    rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
    finally:
        rmtree(stage)


def _compile(into: Path) -> int:
    """Compile every proto that is ours, and buf/validate, which no wheel ships. Returns protoc's exit code."""
    ours = sorted(p for root in (PROTO, PROTOVALIDATE) for p in root.rglob("*.proto"))
    messages = [f"--{kind}_out={into}" for kind in ("python", "mypy")]
    status = _protoc(messages, ours)
    services = [p for p in ours if p.stem.endswith("_service")]
    return status or _protoc([f"--{kind}_out={into}" for kind in ("grpc_python", "mypy_grpc")], services)


def _replace_generated(client: Path, stage: Path) -> None:
    new = _generated_in(stage)
    # A signal is delivered after the swap, not within it. Only SIGKILL can leave both old and new files, each whole.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for name in new:
        (client / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).replace(client / name)
    for name in _generated_in(client) - new:
        (client / name).unlink()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


def _generated_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*_pb2*")}


def _protoc(outputs: list[str], sources: list[Path]) -> int:
    roots = [f"-I{root}" for root in (PROTO, GOOGLEAPIS, PROTOVALIDATE, BUNDLED)]
    return int(protoc.main(["protoc", *roots, *outputs, *map(str, sources)]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "client"))
