"""If `new_version` refuses, it says why and changes no file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.authoring.basket_protos import RECORD, V2, V3, contents, edit, lock, write, write_protos

from ordertrail_server.authoring.authoring_error import AuthoringError
from ordertrail_server.authoring.new_version import new_version


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return write_protos(tmp_path / "proto")


def leave_unchanged(proto: Path) -> None:
    pass


def unlock_version_2(proto: Path) -> None:
    lock(proto, ["ordertrail.events.v1.BasketFilled"])


def add_message_without_case(proto: Path) -> None:
    lock(proto, ["ordertrail.events.v2.BasketFilled"])
    write(proto / V3, 'syntax = "proto3";\npackage ordertrail.events.v3;\nmessage BasketFilled {}\n')


def misspell_type(proto: Path) -> None:
    edit(proto / V2, "repeated Thing things", "repeated Thnig things")


def rename_event(proto: Path) -> None:
    rule = 'option (ordertrail.evolve.v1.message).from = "ordertrail.events.v2.BasketFilled";'
    edit(proto / V2, "message BasketEmptied {", f"message BasketEmptied {{ {rule}")


def remove_record(proto: Path) -> None:
    (proto / RECORD).unlink()


def declare_extension(proto: Path) -> None:
    edit(proto / V2, "message Thing {", "message Thing { extend google.protobuf.FileOptions { bool odd = 52000; }")
    edit(proto / V2, 'import "shop/', 'import "google/protobuf/descriptor.proto";\nimport "shop/')


def add_file_without_event(proto: Path) -> None:
    lock(proto, ["ordertrail.events.v2.BasketFilled"])
    write(proto / V3, 'syntax = "proto3";\npackage ordertrail.events.v3;\nmessage Thing {}\n')


def use_partial_package_name(proto: Path) -> None:
    edit(proto / V2, ".ordertrail.events.v2.Look outer_look", "v2.Look outer_look")


def hide_type_by_nested_name(proto: Path) -> None:
    lock(proto, ["ordertrail.events.v2.BasketFilled"])
    bare = "message Bare { message Inner { string more = 1; } }"
    write(proto / V3, f'syntax = "proto3";\npackage ordertrail.events.v3;\n{bare}\n')


def use_type_of_older_version(proto: Path) -> None:
    edit(proto / "ordertrail/events/v1/shop_events.proto", "message", "message Look {}\nmessage")
    edit(proto / V2, "Thing.Part loose = 8;", "Thing.Part loose = 8; ordertrail.events.v1.Look old = 10;")
    edit(proto / V2, 'import "shop/', 'import "ordertrail/events/v1/shop_events.proto";\nimport "shop/')


@pytest.mark.parametrize(
    ("event", "prepare", "message"),
    [
        ("BasketFiled", leave_unchanged, "There is no event BasketFiled. There are BasketEmptied, BasketFilled."),
        ("Thing", leave_unchanged, "There is no event Thing"),
        ("BasketFilled", unlock_version_2, rf"events.v2.BasketFilled is not released yet: edit it in {V2}"),
        ("BasketFilled", add_message_without_case, rf"events.v3.BasketFilled is in {V3} without a case in Record"),
        ("BasketFilled", misspell_type, r"(?s)buf cannot read the protos:.*shop_events.proto:\d+:\d+:.*Thnig"),
        ("BasketFilled", rename_event, "v2.BasketEmptied: create a new version of BasketEmptied"),
        ("BasketFilled", remove_record, "not the protos of Ordertrail: they do not declare ordertrail.log.v1.Record"),
        (
            "BasketFilled",
            declare_extension,
            "events.v2.Thing declares an extension, which can exist only once: copy it",
        ),
        (
            "BasketFilled",
            add_file_without_event,
            r"(?s)failed. buf cannot read the protos:\nordertrail/events/v3.*Part",
        ),
        (
            "BasketFilled",
            use_partial_package_name,
            r"(?s)failed. buf cannot read the protos:\nordertrail/events/v3",
        ),
        (
            "BasketFilled",
            hide_type_by_nested_name,
            "A copy would differ from its original: ordertrail.events.v3.BasketFilled. Copy",
        ),
        ("BasketFilled", use_type_of_older_version, "only one can become ordertrail.events.v3.Look"),
    ],
)
def test_refusal_names_its_reason_and_changes_no_file(
    event: str, prepare: Callable[[Path], None], message: str, proto: Path
) -> None:
    prepare(proto)
    before = contents(proto)
    with pytest.raises(AuthoringError, match=message):
        new_version(proto, event)
    assert contents(proto) == before


def test_refusal_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(AuthoringError, match=r"a checkout of Ordertrail, and .*nosuch holds no protos of it: clone"):
        new_version(tmp_path / "nosuch", "BasketFilled")


@pytest.mark.parametrize("in_the_way", [".record.proto.new", "../../events/v3"])
def test_if_one_file_cannot_be_written_no_file_is_changed(in_the_way: str, proto: Path) -> None:
    blocked = (proto / RECORD).parent / in_the_way
    if in_the_way.endswith("new"):
        blocked.mkdir()
    else:
        blocked.write_text("a file where a folder must be")
    before = contents(proto), sorted(proto.rglob("*"))
    with pytest.raises(OSError, match=blocked.name):
        new_version(proto, "BasketFilled")
    assert (contents(proto), sorted(proto.rglob("*"))) == before


def test_refusal_without_buf_says_how_to_install_it(proto: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(proto / "python"))
    monkeypatch.setenv("PATH", str(proto))
    with pytest.raises(AuthoringError, match="buf is not installed: run `pip install"):
        new_version(proto, "BasketFilled")
