"""The next release of the server: a copy of this tree in which one rule of the fold is changed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.copied_code import copy_code
from tests.e2e.running_server import ROOT, START_SECONDS, RunningServer, build_environment

CLIENT, SERVER = ROOT / "client", ROOT / "server"
CREATE_SECONDS = 1_000
"""The creation time of every order, as the changed rule computes it."""

NEW_RULE = f"""

_evolve_by_old_rule = evolve


def evolve(order: Order | None, event: HistoryEvent) -> Order:
    after = _evolve_by_old_rule(order, event)
    after.create_time.FromSeconds({CREATE_SECONDS})
    return after
"""


class ChangedRelease(NamedTuple):
    """The changed tree."""

    environment: dict[str, str]

    def server(self, data: Path, address: str) -> RunningServer:
        """Return a server of this release, not started."""
        server = RunningServer(data, self.environment)
        server.address = address
        return server


def change_release(folder: Path) -> ChangedRelease:
    """Copy the tree into a new folder, and change the rule."""
    tree = folder / "server"
    copy_code(SERVER, tree)
    (folder / "proto").mkdir()
    shutil.copy2(ROOT / "proto" / "schema.lock", folder / "proto")
    with (tree / "ordertrail_server" / "orders" / "evolve.py").open("a") as source:
        source.write(NEW_RULE)
    return ChangedRelease({"PYTHONPATH": os.pathsep.join([str(CLIENT), str(tree)])})


class RunningPreparation:
    """`ordertrail prepare` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def wait_for_line(self, text: str) -> str:
        """Return the next line with this text. Fails if the process ends before it prints one."""
        assert self.process.stdout is not None
        line = next((line for line in self.process.stdout if text in line), None)
        assert line is not None, f"the preparation ended without {text!r}"
        return line

    def wait_ready(self) -> None:
        """Return when all projections are ready."""
        self.wait_for_line('"isReady": true')

    def end(self) -> tuple[int, str]:
        """Wait for the end of the process, and return its exit code and its last lines."""
        output, _ = self.process.communicate(timeout=START_SECONDS)
        return self.process.returncode, output


@contextmanager
def prepare(data: Path, environment: dict[str, str], *options: str) -> Iterator[RunningPreparation]:
    """Run `ordertrail prepare` of a release on a data directory; kill it at the end if it still runs."""
    command: list[Any] = [sys.executable, "-m", "ordertrail_server.cli", "prepare", "--data", data, "--json", *options]
    with subprocess.Popen(command, env=build_environment(environment), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield RunningPreparation(process)
        finally:
            process.kill()
