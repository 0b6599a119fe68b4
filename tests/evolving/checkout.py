"""A checkout of the project for a user's changes: a copy of this checkout, with the same environment."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy2

from tests.contract.generator import install_generator
from tests.copied_code import copy_code
from tests.e2e.running_server import RunningServer

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("client", "proto", "server", "third_party")
FILES = ("Makefile", "buf.yaml", "pyproject.toml", "constraints.txt")
GENERATOR = ".venv-proto"


class Checkout:
    """The code of one state of the project, below `root`. Programs that run there use that code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {"PYTHONPATH": f"{root / 'client'}{os.pathsep}{root / 'server'}"}
        self._began_with = self._server_code()

    @property
    def changed_code(self) -> set[str]:
        """The modules of the server that changed since the checkout."""
        before, now = self._began_with, self._server_code()
        return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}

    def _server_code(self) -> dict[str, bytes]:
        server = self.root / "server" / "ordertrail_server"
        return {path.relative_to(server).as_posix(): path.read_bytes() for path in server.rglob("*.py")}

    def runs(self, *command: str, **environment: str) -> str:
        """Run a program in the checkout, and return its output, with any exit code."""
        program, *arguments = command
        programs = {"ordertrail": [sys.executable, "-m", "ordertrail_server.cli"], "python": [sys.executable]}
        return subprocess.run(
            [*programs.get(program, [program]), *arguments],
            cwd=self.root,
            env=os.environ | self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        ).stdout

    def server(self, data: Path) -> RunningServer:
        """Return a server of this checkout's code, not started."""
        return RunningServer(data, self.environment)


def check_out(root: Path) -> Checkout:
    """Copy this checkout to `root`, which must not exist."""
    install_generator()
    for folder in FOLDERS:
        copy_code(ROOT / folder, root / folder)
    for file in FILES:
        copy2(ROOT / file, root / file)
    (root / GENERATOR).symlink_to(ROOT / GENERATOR)
    return Checkout(root)
