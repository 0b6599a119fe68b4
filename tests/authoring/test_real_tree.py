"""`ordertrail schema new` on Ordertrail's own protos: the result passes all checks and generates code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy
from typing import Any, NamedTuple

import pytest
from tests.authoring.basket_protos import PROTO, compiled
from tests.authoring.real_protos import copy_protos
from tests.cli.command_line import CommandLine
from tests.contract.generator import install_generator

from ordertrail_server.schema.lock.lock_file import LOCK_NAME

ROOT = PROTO.parent
GENERATOR = ROOT / ".venv-proto" / "bin"
BUF = Path(sys.executable).with_name("buf")

SAID_BY_GENERATED_CODE = """
import json
from google.protobuf.json_format import MessageToDict
from ordertrail.evolve.v1 import rules_pb2
from ordertrail.log.v1.record_pb2 import Record
case = Record.DESCRIPTOR.oneofs_by_name["event"].fields[-1]
rules = case.message_type.GetOptions().Extensions[rules_pb2.message]
print(json.dumps([case.name, case.number, case.message_type.full_name, MessageToDict(rules)]))
"""


class Checkout(NamedTuple):
    root: Path
    version: dict[str, Any]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout after `schema new`."""
    root = tmp_path_factory.mktemp("checkout")
    proto = copy_protos(root)
    (proto / LOCK_NAME).unlink(missing_ok=True)  # so that a version that is not released yet is not in the way
    (version,) = CommandLine("").lines("schema", "new", "OrderPlaced", "--proto", str(proto))
    return Checkout(root, version)


@pytest.mark.parametrize(
    "guard",
    [
        ["lint"],
        ["format", "--diff", "--exit-code"],
        ["breaking", "proto", "--exclude-imports", "--against", "proto/released.binpb"],
    ],
    ids=lambda guard: guard[0],
)
def test_protos_with_a_new_version_pass_buf(guard: list[str], checkout: Checkout) -> None:
    result = subprocess.run([BUF, *guard], cwd=checkout.root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_new_version_changes_only_its_file_and_the_record(checkout: Checkout) -> None:
    now = {path.relative_to(checkout.root / "proto") for path in (checkout.root / "proto").rglob("*.proto")}
    before = {path.relative_to(PROTO): path.read_bytes() for path in PROTO.rglob("*.proto")}
    changed = {str(path) for path in now if before.get(path) != (checkout.root / "proto" / path).read_bytes()}
    assert changed == {checkout.version["file"], checkout.version["record_file"]}


def test_new_version_has_every_field_of_its_predecessor(checkout: Checkout) -> None:
    files = {file.package: file for file in compiled(checkout.root / "proto").file}
    old, new = (
        {message.name: message for message in files[checkout.version[which].rpartition(".")[0]].message_type}
        for which in ("predecessor", "message")
    )
    fields = {name: [(field.number, field.name, field.type) for field in new[name].field] for name in new}
    assert fields == {name: [(field.number, field.name, field.type) for field in old[name].field] for name in fields}


def test_generated_code_has_the_new_version(checkout: Checkout) -> None:
    client = checkout.root / "client"
    client.mkdir()
    install_generator()
    environment = {**os.environ, "PATH": f"{GENERATOR}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([GENERATOR / "python", checkout.root / "proto" / "generate.py"], env=environment, check=True)
    copy(ROOT / "client" / "ordertrail" / "__init__.py", client / "ordertrail")

    script = [sys.executable, "-c", SAID_BY_GENERATED_CODE]
    output = subprocess.run(
        script, env={**os.environ, "PYTHONPATH": str(client)}, capture_output=True, check=True
    ).stdout

    version = checkout.version
    assert json.loads(output) == [
        version["case"],
        version["number"],
        version["message"],
        {"from": [version["predecessor"]]},
    ]
