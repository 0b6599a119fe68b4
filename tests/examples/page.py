"""docs/clients.md: the commands that it shows for each language, typed in a copy of the example."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Final

from tests.authoring.real_protos import ROOT, copy_protos
from tests.docs.pages import Shown, blocks, shown_in
from tests.docs.reader import SHOWN_ADDRESS
from tests.evolving.compilers import NODE, NPM

PAGE: Final = ROOT / "docs" / "clients.md"
BIN: Final = Path(sys.executable).parent
PROGRAMS: Final = {"buf": BIN / "buf", "go": BIN / "go", "node": Path(NODE), "npm": Path(NPM)}
GENERATED: Final = ("gen", "build", "node_modules", "target", ".venv")
# What Go has compiled once it finds again from any folder.
GO_SETTINGS: Final = {"GOFLAGS": "-trimpath", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}


def client_commands(language: str) -> list[Shown]:
    """Return the commands that the page shows for a language, behind the one that enters the example's folder."""
    for block in blocks(PAGE, "console"):
        first, *commands = shown_in(block)
        if first.command == f"cd examples/clients/{language}":
            return commands
    raise LookupError(f"{PAGE.name} shows no client in {language}")


class Example:
    """A copy of one example and of the protos below `root`, as in a fresh clone, with the programs that it needs."""

    def __init__(self, language: str, root: Path) -> None:
        copy_protos(root)
        source = ROOT / "examples" / "clients" / language
        self._folder = copytree(source, root / source.relative_to(ROOT), ignore=ignore_patterns(*GENERATED))
        self._programs = root / "bin"
        self._programs.mkdir()
        for name, program in PROGRAMS.items():
            (self._programs / name).symlink_to(program)

    def type(self, command: str, address: str) -> str:
        """Run a command of the page, which must succeed, with a server's address; return what it prints."""
        path = os.pathsep.join([str(self._programs), os.environ["PATH"]])
        ended = subprocess.run(
            ["bash", "-c", command.replace(SHOWN_ADDRESS, address)],
            cwd=self._folder,
            env=os.environ | GO_SETTINGS | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
        return ended.stdout
