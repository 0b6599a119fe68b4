"""The committed generated code corresponds to the protos."""

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

OPTIONS = (validate_pb2, error_reason_pb2)  # imported, so that protobuf knows their options
CLIENT = ROOT / "client"
GENERATED = sorted(path.relative_to(CLIENT).as_posix() for path in CLIENT.rglob("*_pb2.py"))


def _module(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


@pytest.fixture(scope="module")
def proto_descriptors() -> dict[str, FileDescriptorProto]:
    """The descriptor of each proto file, as buf compiles it."""
    buf = Path(sys.executable).parent / "buf"
    command = [str(buf), "build", "proto", "--as-file-descriptor-set", "--exclude-source-info", "-o", "-"]
    image = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return {file.name: file for file in FileDescriptorSet.FromString(image).file}


@pytest.mark.parametrize("path", GENERATED)
def test_generated_code_has_the_descriptor_of_its_proto(
    path: str, proto_descriptors: dict[str, FileDescriptorProto]
) -> None:
    generated = FileDescriptorProto.FromString(importlib.import_module(_module(path)).DESCRIPTOR.serialized_pb)
    assert normalize(generated) == normalize(proto_descriptors[generated.name]), "run `make generate`"


def test_generated_files_are_those_of_our_protos() -> None:
    roots = (ROOT / "proto", ROOT / "third_party" / "protovalidate")
    protos = [path.relative_to(root).as_posix() for root in roots for path in root.rglob("*.proto")]
    assert set(GENERATED) == {path.replace(".proto", "_pb2.py") for path in protos}


def test_committed_code_equals_the_output_of_the_generator(tmp_path: Path) -> None:
    assert run_generator(ROOT, tmp_path / "client") == 0
    assert generated_files(CLIENT) == generated_files(tmp_path / "client"), "run `make generate`"
