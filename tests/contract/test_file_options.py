"""Every proto of ours has the package options of all languages, so that no user must set them."""

import importlib

import pytest
from google.protobuf.descriptor_pb2 import FileOptions
from tests.contract.generator import ROOT

PROTOS = sorted(path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto"))


def expected_options(path: str) -> FileOptions:
    """Return the options that follow from a path such as ordertrail/events/v2/order_events.proto."""
    *folders, file = path.removesuffix(".proto").split("/")
    return FileOptions(
        csharp_namespace=".".join(folder.capitalize() for folder in folders),
        go_package=f"{'/'.join(folders)};{''.join(folders[-2:])}",
        java_multiple_files=True,
        java_outer_classname=f"{file.title().replace('_', '')}Proto",
        java_package=".".join(folders),
        objc_class_prefix=f"OT{''.join(folder.capitalize() for folder in folders[1:])}",
    )


@pytest.mark.parametrize("path", PROTOS)
def test_options_of_a_proto_file_follow_from_its_path(path: str) -> None:
    module = importlib.import_module(path.replace("/", ".").replace(".proto", "_pb2"))
    assert module.DESCRIPTOR.GetOptions() == expected_options(path)
