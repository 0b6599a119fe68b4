"""The commands of buf that authors need: build a tree of protos, export it with its imports, format a file."""

import shutil
import subprocess
import sys
from pathlib import Path

from ordertrail_server.authoring.authoring_error import AuthoringError


def build(proto: Path) -> bytes:
    """Return the serialized FileDescriptorSet of a tree of protos, with source info and all imports.

    Raises AuthoringError with buf's output if the tree does not compile, or if buf is not installed.
    """
    return _run("build", str(proto), "--as-file-descriptor-set", "-o", "-#format=binpb")


def export(proto: Path, folder: Path) -> None:
    """Copy a tree of protos to a folder, with what it imports from other modules, so that the copy compiles alone.

    Raises AuthoringError as `build` does.
    """
    _run("export", str(proto), "--output", str(folder))


def format_file(path: Path) -> None:
    """Format a file in its place. Raises AuthoringError as `build` does."""
    _run("format", "-w", str(path))


def _run(*arguments: str) -> bytes:
    ended = subprocess.run([_buf(), *arguments], capture_output=True, check=False)
    if ended.returncode:
        raise AuthoringError(f"buf cannot read the protos:\n{ended.stderr.decode(errors='replace').strip()}")
    return ended.stdout


def _buf() -> str:
    sibling = shutil.which("buf", path=str(Path(sys.executable).parent))
    if executable := sibling or shutil.which("buf"):
        return executable
    raise AuthoringError("buf is not installed: run `pip install '.[dev]'` in the checkout, or put buf on the PATH.")
