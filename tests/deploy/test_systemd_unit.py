"""The unit for systemd: systemd's own checks of it, and its settings."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.running_server import ROOT

from ordertrail_server.setting_values import read_settings

UNIT = ROOT / "deploy" / "systemd" / "ordertrail.service"
PROGRAM = "/opt/ordertrail/bin/ordertrail"


def read_entries(section: str) -> list[tuple[str, str]]:
    """Return the keys and values of a section, in order. A key may have several."""
    [text] = [part for part in UNIT.read_text().split("\n[") if part.startswith(f"{section}]")]
    lines = [line for line in text.splitlines()[1:] if line and not line.startswith("#")]
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def values_of(key: str) -> list[str]:
    return [value for name, value in read_entries("Service") if name == key]


@pytest.fixture
def analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return program


@pytest.fixture
def installed_unit(tmp_path: Path) -> Path:
    """The unit, with a program that exists on this machine."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))
    return unit


def test_systemd_accepts_every_key_and_value(analyze: str, installed_unit: Path) -> None:
    result = subprocess.run([analyze, "verify", installed_unit], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_systemd_refuses_a_misspelt_key(analyze: str, installed_unit: Path) -> None:
    installed_unit.write_text(installed_unit.read_text().replace("ProtectHome=", "ProtectHomes="))
    result = subprocess.run([analyze, "verify", installed_unit], capture_output=True, text=True, check=False)
    assert "Unknown key" in result.stderr


def test_exposure_of_the_service_is_low(analyze: str, installed_unit: Path) -> None:
    """The threshold is in tenths of systemd's scale from 0 (no rights) to 10."""
    command = [analyze, "security", "--offline=true", "--threshold=15", str(installed_unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_environment_is_accepted_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in values_of("Environment"):
        name, _, value = variable.partition("=")
        monkeypatch.setenv(name, value)
    assert values_of("ExecStart") == [f"{PROGRAM} serve"]
    settings = read_settings({})
    assert [settings.data] == [Path("/var/lib") / folder for folder in values_of("StateDirectory")]
    assert settings.log == "embedded"
    assert settings.admin_listen
    assert [3 * settings.grace_seconds < float(value) for value in values_of("TimeoutStopSec")] == [True]


def test_user_of_the_service_is_the_declared_one() -> None:
    [line] = [line for line in UNIT.with_suffix(".sysusers").read_text().splitlines() if not line.startswith("#")]
    assert values_of("User") == values_of("Group") == [line.split()[1]]
