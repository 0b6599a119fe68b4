"""The packages that the client and the server install, and the schema lock in the wheel."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ordertrail_server.schema.lock import lock_file as lock

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
    "arize-phoenix-sqlean": "sqlean",
}

IMPORTED_BY_GRPC = {"grpc_health", "grpc_reflection"}  # if they are installed


def _import_name(requirement: str) -> str:
    name = requirement.split(">")[0].split("=")[0].strip()
    return IMPORTED_AS.get(name, name.replace("-", "_"))


def test_client_imports_no_package_of_the_server() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    server_packages = {_import_name(requirement) for requirement in project["optional-dependencies"]["server"]}
    run = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'client')!r}); {LISTED}"],
        check=True,
        capture_output=True,
        text=True,
    )
    imported = set(json.loads(run.stdout))
    own_packages = {_import_name(requirement) for requirement in project["dependencies"]}
    assert own_packages <= imported
    assert not imported & ((server_packages | {"ordertrail_server"}) - IMPORTED_BY_GRPC - own_packages)


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("linux", "x86_64", "pysqlite3"),
        ("linux", "aarch64", "arize-phoenix-sqlean"),
        ("darwin", "arm64", "pysqlite3"),
    ],
)
def test_every_platform_installs_one_sqlite_package(system: str, machine: str, package: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    server = [Requirement(line) for line in project["optional-dependencies"]["server"]]
    platform = {"sys_platform": system, "platform_machine": machine}
    carriers = [requirement for requirement in server if requirement.name in ("pysqlite3", "arize-phoenix-sqlean")]
    selected = [carrier.name for carrier in carriers if carrier.marker is None or carrier.marker.evaluate(platform)]
    assert selected == [package]


def test_wheel_contains_the_schema_lock_where_the_server_reads_it() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    lock_path = Path(lock.__file__).with_name(lock.LOCK_NAME).relative_to(ROOT / "server").as_posix()
    assert wheel["force-include"] == {f"proto/{lock.LOCK_NAME}": lock_path}
    assert (ROOT / "proto" / lock.LOCK_NAME).is_file()


def test_installed_server_reads_its_own_schema_lock(tmp_path: Path) -> None:
    installed = tmp_path / "site" / "ordertrail_server"
    shutil.copytree(ROOT / "server" / "ordertrail_server", installed, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "proto" / lock.LOCK_NAME, installed / "schema" / "lock")
    program = "from ordertrail_server.schema.lock.lock_file import read_lock; print(read_lock(), end='')"
    path = f"import sys; sys.path[:0] = {[str(installed.parent), str(ROOT / 'client')]!r}; "
    run = subprocess.run([sys.executable, "-I", "-c", path + program], check=True, capture_output=True, text=True)
    assert run.stdout == (ROOT / "proto" / lock.LOCK_NAME).read_text()


@pytest.mark.parametrize(
    ("failing", "constraints"), [("PIP", "constraints.txt"), ("PROTO_PIP", "proto/constraints.txt")]
)
def test_failed_listing_of_installed_versions_leaves_constraints_unchanged(
    failing: str, constraints: str, tmp_path: Path
) -> None:
    (tmp_path / "proto").mkdir()
    for name in ("Makefile", "constraints.txt", "proto/constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    pips = {"PIP": "true", "PROTO_PIP": "true", failing: "false"}
    installed = [option for target in (".venv/dev", ".venv-proto/made") for option in ("--old-file", target)]
    command = ["make", *installed, "pins", *(f"{name}={pip}" for name, pip in pips.items())]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode != 0
    assert (tmp_path / constraints).read_bytes() == (ROOT / constraints).read_bytes()
