"""What `ordertrail schema new` makes of Ordertrail's own protos passes all that guards them, and generates."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy
from typing import Any, NamedTuple

import pytest
from tests.authoring.real_protos import copy_protos
from tests.authoring.shop import PROTO, compiled
from tests.cli.command_line import CommandLine

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
    made: dict[str, Any]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which an event has just got its next version."""
    root = tmp_path_factory.mktemp("checkout")
    proto = copy_protos(root)
    (proto / LOCK_NAME).unlink(missing_ok=True)  # so that a version that is not released yet is not in the way
    (made,) = CommandLine("").lines("schema", "new", "OrderPlaced", "--proto", str(proto))
    return Checkout(root, made)


@pytest.mark.parametrize(
    "guard",
    [
        ["lint"],
        ["format", "--diff", "--exit-code"],
        ["breaking", "proto", "--exclude-imports", "--against", "proto/released.binpb"],
    ],
    ids=lambda guard: guard[0],
)
def test_the_protos_go_on_to_pass(guard: list[str], checkout: Checkout) -> None:
    ended = subprocess.run([BUF, *guard], cwd=checkout.root, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_nothing_else_is_changed(checkout: Checkout) -> None:
    now = {path.relative_to(checkout.root / "proto") for path in (checkout.root / "proto").rglob("*.proto")}
    before = {path.relative_to(PROTO): path.read_bytes() for path in PROTO.rglob("*.proto")}
    changed = {str(path) for path in now if before.get(path) != (checkout.root / "proto" / path).read_bytes()}
    assert changed == {checkout.made["file"], checkout.made["record_file"]}


def test_it_has_every_field_of_its_predecessor(checkout: Checkout) -> None:
    files = {file.package: file for file in compiled(checkout.root / "proto").file}
    old, new = (
        {message.name: message for message in files[checkout.made[which].rpartition(".")[0]].message_type}
        for which in ("predecessor", "message")
    )
    fields = {name: [(field.number, field.name, field.type) for field in new[name].field] for name in new}
    assert fields == {name: [(field.number, field.name, field.type) for field in old[name].field] for name in fields}


def test_the_contract_generates_and_knows_the_new_version(checkout: Checkout) -> None:
    client = checkout.root / "client"
    client.mkdir()
    subprocess.run(["make", "--quiet", ".venv-proto/made"], cwd=ROOT, check=True, capture_output=True)
    environment = {**os.environ, "PATH": f"{GENERATOR}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([GENERATOR / "python", checkout.root / "proto" / "generate.py"], env=environment, check=True)
    copy(ROOT / "client" / "ordertrail" / "__init__.py", client / "ordertrail")

    script = [sys.executable, "-c", SAID_BY_GENERATED_CODE]
    said = subprocess.run(script, env={**os.environ, "PYTHONPATH": str(client)}, capture_output=True, check=True).stdout

    made = checkout.made
    assert json.loads(said) == [made["case"], made["number"], made["message"], {"from": [made["predecessor"]]}]
