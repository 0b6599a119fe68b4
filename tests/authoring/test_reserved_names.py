"""A proto cannot use the names of attributes of Python's generated code."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from tests.authoring.basket_protos import PROTO
from tests.cli.command_line import CommandLine

from ordertrail_server.authoring.buf import build, export
from ordertrail_server.authoring.reserved_names import RESERVED, reserved_names

FILE = PROTO / "ordertrail" / "events" / "v2" / "order_events.proto"
SAYS = "needs another name: Python's generated code has an attribute"


def image(file: FileDescriptorProto) -> bytes:
    file.name, file.package = "ordertrail/x.proto", "ordertrail.x"
    return FileDescriptorSet(file=[file]).SerializeToString()


def test_our_protos_use_no_reserved_name() -> None:
    assert reserved_names(build(PROTO)) == []


@pytest.mark.parametrize("name", ["DESCRIPTOR", "ListFields", "SerializeToString", "FromString", "Clear", "__class__"])
def test_reserved_name_is_reported_for_each_kind_of_declaration(name: str) -> None:
    assert name in RESERVED
    file = FileDescriptorProto()
    outer = file.message_type.add(name="Outer")
    outer.field.add(name=name)
    outer.oneof_decl.add(name=name)
    outer.nested_type.add(name="Inner").field.add(name=name)
    outer.nested_type.add(name=name)
    outer.enum_type.add(name="Kind").value.add(name=name)
    file.enum_type.add(name=name)
    ending = f"{SAYS} {name} of its own"
    assert sorted(reserved_names(image(file))) == sorted(
        f"the {declaration} {ending}"
        for declaration in (
            f"field ordertrail.x.Outer.{name}",
            f"oneof ordertrail.x.Outer.{name}",
            f"field ordertrail.x.Outer.Inner.{name}",
            f"message ordertrail.x.Outer.{name}",
            f"enum value ordertrail.x.Outer.{name}",
            f"enum ordertrail.x.{name}",
        )
    )


def test_python_keywords_and_all_other_names_are_allowed() -> None:
    file = FileDescriptorProto()
    for name in ("from", "class", "descriptor", "clear"):
        file.message_type.add(name="Outer").field.add(name=name)
    assert reserved_names(image(file)) == []


def test_schema_check_reports_a_field_with_a_reserved_name(tmp_path: Path) -> None:
    export(PROTO, tmp_path / "proto")
    path = tmp_path / "proto" / FILE.relative_to(PROTO)
    first, message, body = path.read_text().partition("message OrderCancelled {\n")
    path.write_text(f"{first}{message}  // More.\n  optional string DESCRIPTOR = 9;\n{body}")
    result = CommandLine("").run("schema", "check", "--proto", str(tmp_path / "proto"))
    field = "ordertrail.events.v2.OrderCancelled.DESCRIPTOR"
    assert (result.returncode, result.stderr) == (1, f"problems:\n- the field {field} {SAYS} DESCRIPTOR of its own\n")
