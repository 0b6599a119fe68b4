"""The client installs alone: what it imports is what `pip install ordertrail` brings, and nothing of the server's."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LISTED = "import json, sys, ordertrail.client; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
# Distributions whose import name is not their own.
IMPORTED_AS = {
    "grpcio": "grpc",
    "grpcio-status": "grpc_status",
    "grpcio-health-checking": "grpc_health",
    "grpcio-reflection": "grpc_reflection",
    "googleapis-common-protos": "google",
    "protobuf": "google",
    "protobuf-py": "protobuf",
}

BY_GRPC_ITSELF = {"grpc_health", "grpc_reflection"}  # which imports them wherever they are installed


def _imported_as(requirement: str) -> str:
    name = requirement.split(">")[0].split("=")[0].strip()
    return IMPORTED_AS.get(name, name.replace("-", "_"))


def test_importing_the_client_imports_nothing_of_the_servers() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    servers = {_imported_as(one) for one in project["optional-dependencies"]["server"]}
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'client')!r}); {LISTED}"],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = set(json.loads(run.stdout))
    assert {_imported_as(one) for one in project["dependencies"]} <= imported
    assert not imported & ((servers | {"ordertrail_server"}) - BY_GRPC_ITSELF)
