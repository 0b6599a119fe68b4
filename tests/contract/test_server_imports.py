"""The server's own process does without the libraries that only the engine needs, so that it starts faster."""

import subprocess
import sys

from tests.e2e.running_server import build_environment

LOADED = "import sys, ordertrail_server.serving; print(*sorted(sys.modules))"


def test_server_process_does_not_load_sqlite_utils() -> None:
    command = [sys.executable, "-c", LOADED]
    loaded = subprocess.run(command, env=build_environment(), capture_output=True, text=True, check=True).stdout.split()
    assert "ordertrail_server.projections.host" in loaded
    assert "sqlite_utils" not in loaded
