"""The committed generated code is what the protos say today."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from tests.contract.generator import ROOT, generated_files, run_generator

from buf.validate import validate_pb2
from ordertrail.v1 import error_reason_pb2
from ordertrail_server.authoring.freshness import normalize

OPTIONS = (validate_pb2, error_reason_pb2)  # loaded, so that their options are known
CLIENT = ROOT / "client"
GENERATED = sorted(path.relative_to(CLIENT).as_posix() for path in CLIENT.rglob("*_pb2.py"))


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


@pytest.fixture(scope="module")
def said() -> dict[str, FileDescriptorProto]:
    """What the protos say, as buf reads them: {file: descriptor}."""
    buf = Path(sys.executable).parent / "buf"
    command = [str(buf), "build", "proto", "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"]
    image = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return {file.name: file for file in FileDescriptorSet.FromString(image).file}


@pytest.mark.parametrize("path", GENERATED)
def test_generated_code_has_the_descriptor_of_its_proto(path: str, said: dict[str, FileDescriptorProto]) -> None:
    made = FileDescriptorProto.FromString(importlib.import_module(_module(path)).DESCRIPTOR.serialized_pb)
    assert normalize(made) == normalize(said[made.name]), "run `make generate`"


def test_generated_files_are_those_of_our_protos() -> None:
    roots = (ROOT / "proto", ROOT / "third_party" / "protovalidate")
    protos = [path.relative_to(root).as_posix() for root in roots for path in root.rglob("*.proto")]
    assert set(GENERATED) == {path.replace(".proto", "_pb2.py") for path in protos}


def test_committed_code_equals_the_output_of_the_generator(tmp_path: Path) -> None:
    assert run_generator(ROOT, tmp_path / "client") == 0
    assert generated_files(CLIENT) == generated_files(tmp_path / "client"), "run `make generate`"
