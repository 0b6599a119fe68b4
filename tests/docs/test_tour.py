"""The commands that `make run` prints work as printed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.pages import ROOT
from tests.e2e.running_server import build_environment

TOUR = [sys.executable, str(ROOT / "examples" / "tour.py")]
# The PATH of a login shell without an installation of Ordertrail.
PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture
def output(tmp_path: Path) -> Iterator[list[str]]:
    """The output of the tour, whose server is still running."""
    settings = build_environment({"ORDERTRAIL_LISTEN": "127.0.0.1:0"}) | PATH
    with subprocess.Popen(TOUR, cwd=tmp_path, env=settings, stdout=subprocess.PIPE, text=True) as tour:
        assert tour.stdout is not None
        lines: list[str] = []
        while not lines or "grpcurl -plaintext -d" not in lines[-1]:
            lines.append(tour.stdout.readline())
            assert lines[-1], "the tour ended"
        yield lines
        tour.terminate()
        tour.communicate()


def test_every_command_for_another_terminal_works(output: list[str], tmp_path: Path) -> None:
    start = next(number for number, line in enumerate(output) if "in another terminal" in line)
    activate, *commands = [line.strip() for line in output[start + 1 :] if line.strip()]
    assert [command.split()[0] for command in commands] == ["ordertrail"] * 3 + ["grpcurl"] * 2
    for command in commands:
        script = f"{activate} && {command.replace(' --follow', '')}"  # which would never end
        result = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=PATH, capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stderr) == (0, ""), command


def test_first_command_puts_the_others_on_the_path(output: list[str], tmp_path: Path) -> None:
    first, second = [line.removeprefix("$ ").strip() for line in output if line.startswith("$ ")][:2]
    assert second.startswith("ordertrail serve ")
    subprocess.run(["bash", "-c", f"{first} && command -v ordertrail"], cwd=tmp_path, env=PATH, check=True)
