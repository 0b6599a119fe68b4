"""The generator of the committed code, started as `make generate` starts it."""

import os
import subprocess
from fcntl import LOCK_EX, flock
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".venv-proto"


def install_generator() -> None:
    """Install the generator's environment as `make generate` does, unless it is current."""
    # Tests run side by side. Only one of them installs; the others wait for it.
    with (ROOT / "Makefile").open() as makefile:
        flock(makefile, LOCK_EX)
        subprocess.run(["make", "--quiet", f"{TOOLS.name}/made"], cwd=ROOT, check=True, capture_output=True)


def start_generator(root: Path, client: Path, plugins: Path | None = None) -> subprocess.Popen[bytes]:
    """Start the generator of a checkout in a process group of its own. `plugins` is a folder of other plugins."""
    install_generator()
    folders = [*([plugins] if plugins else []), TOOLS / "bin", os.environ["PATH"]]
    return subprocess.Popen(
        [TOOLS / "bin" / "python", root / "proto" / "generate.py", client],
        env=os.environ | {"PATH": os.pathsep.join(map(str, folders))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run_generator(root: Path, client: Path, plugins: Path | None = None) -> int:
    """Run the generator of a checkout, and return its exit code."""
    return start_generator(root, client, plugins).wait()


def generated_files(client: Path) -> dict[str, bytes]:
    """Return the generated files of a folder by path."""
    paths = [path for path in client.rglob("*_pb2*") if path.suffix in (".py", ".pyi")]
    return {path.relative_to(client).as_posix(): path.read_bytes() for path in paths}
