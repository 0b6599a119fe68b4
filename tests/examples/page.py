"""The commands of docs/clients.md for each language, and a copy of the example to run them in."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Final

from tests.authoring.real_protos import ROOT, copy_protos
from tests.docs.pages import ConsoleCommand, parse_console, read_blocks
from tests.docs.reader import PAGE_ADDRESS
from tests.evolving.compilers import NODE, NPM

PAGE: Final = ROOT / "docs" / "clients.md"
BIN: Final = Path(sys.executable).parent
PROGRAMS: Final = {"buf": BIN / "buf", "go": BIN / "go", "node": Path(NODE), "npm": Path(NPM)}
GENERATED: Final = ("gen", "build", "node_modules", "target", ".venv")
# With these settings Go reuses compiled packages in any folder.
GO_SETTINGS: Final = {"GOFLAGS": "-trimpath", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}


def client_commands(language: str) -> list[ConsoleCommand]:
    """Return the page's commands for a language, after the one that enters the example's folder."""
    for block in read_blocks(PAGE, "console"):
        first, *commands = parse_console(block)
        if first.command == f"cd examples/clients/{language}":
            return commands
    raise LookupError(f"{PAGE.name} shows no client in {language}")


class Example:
    """A copy of one example and of the protos below `root`, with the programs that the example needs."""

    def __init__(self, language: str, root: Path) -> None:
        copy_protos(root)
        source = ROOT / "examples" / "clients" / language
        self._folder = copytree(source, root / source.relative_to(ROOT), ignore=ignore_patterns(*GENERATED))
        self._programs = root / "bin"
        self._programs.mkdir()
        for name, program in PROGRAMS.items():
            (self._programs / name).symlink_to(program)

    def run_command(self, command: str, address: str) -> str:
        """Run a command of the page, which must succeed, with a server's address, and return its output."""
        path = os.pathsep.join([str(self._programs), os.environ["PATH"]])
        result = subprocess.run(
            ["bash", "-c", command.replace(PAGE_ADDRESS, address)],
            cwd=self._folder,
            env=os.environ | GO_SETTINGS | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
        return result.stdout
