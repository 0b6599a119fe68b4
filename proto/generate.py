"""Compile proto/ into client/: the only generator of the committed contract, run by `make generate`.

    python proto/generate.py [FOLDER]

It runs in an environment of its own (see the Makefile), whose older compiler makes code that any protobuf from 6.31
on can load. What it made before is deleted first, so that a removed proto leaves nothing behind.
"""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
BUNDLED = files("grpc_tools") / "_proto"


def main(into: Path) -> int:
    """Compile every proto that is ours, and buf/validate, which no wheel ships. Returns protoc's exit code."""
    for stale in into.rglob("*_pb2*"):
        stale.unlink()
    ours = sorted(p for top in ("ordertrail", "buf") for p in (PROTO / top).rglob("*.proto"))
    messages = [f"--{kind}_out={into}" for kind in ("python", "mypy")]
    status = _protoc(messages, ours)
    services = [p for p in ours if p.stem.endswith("_service")]
    return status or _protoc([f"--{kind}_out={into}" for kind in ("grpc_python", "mypy_grpc")], services)


def _protoc(outputs: list[str], sources: list[Path]) -> int:
    return int(protoc.main(["protoc", f"-I{PROTO}", f"-I{BUNDLED}", *outputs, *map(str, sources)]))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "client"))
