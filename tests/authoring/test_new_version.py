"""`new_version` adds the next version of an event to a tree."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import MessageToDict
from tests.authoring.basket_protos import RECORD, V2, V3, compiled, lock, write_protos

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.authoring.new_version import new_version


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return write_protos(tmp_path / "proto")


def read_file(proto: Path, name: str) -> FileDescriptorProto:
    return next(file for file in compiled(proto).file if file.name == name)


def index_types(file: FileDescriptorProto) -> dict[str, Any]:
    types: list[Any] = [*file.message_type, *file.enum_type]
    return {proto_type.name: proto_type for proto_type in types}


def index_comments(file: FileDescriptorProto) -> dict[str, list[str]]:
    """Return {path of names to a commented element: its comments, with single spaces}."""
    comments_by_name = {}
    for location in file.source_code_info.location:
        comments = [*location.leading_detached_comments, location.leading_comments, location.trailing_comments]
        if any(comments):
            name = "/".join(path_names(file, location.path))
            comments_by_name[name] = [" ".join(comment.split()) for comment in comments]
    return comments_by_name


def path_names(message: Any, path: Iterable[int]) -> Iterator[str]:
    numbers = iter(path)
    for number in numbers:
        field = message.DESCRIPTOR.fields_by_number[number]
        if not field.is_repeated or field.name.startswith("reserved"):
            yield field.name
            return
        message = getattr(message, field.name)[next(numbers)]
        yield message.name


def test_new_version_copies_the_newest_message_and_the_types_it_uses(proto: Path) -> None:
    version = new_version(proto, "BasketFilled")
    assert (version.message, version.predecessor) == (
        "ordertrail.events.v3.BasketFilled",
        "ordertrail.events.v2.BasketFilled",
    )
    assert (version.file, version.copied_types, version.reused_types) == (V3, ["Look", "Thing", "Wrapping"], [])
    assert index_types(read_file(proto, V3)).keys() == {"BasketFilled", "Look", "Thing", "Wrapping"}


def test_copy_differs_from_its_original_only_in_package_and_rules(proto: Path) -> None:
    before = index_types(read_file(proto, V2))
    new_version(proto, "BasketFilled")
    after = index_types(read_file(proto, V3))

    rules = after["BasketFilled"].options.Extensions[rules_pb2.message]
    assert MessageToDict(rules) == {"from": ["ordertrail.events.v2.BasketFilled"]}
    for name, copied in after.items():
        expected = type(copied).FromString(before[name].SerializeToString().replace(b".events.v2.", b".events.v3."))
        for proto_type in (expected, copied):
            remove_rules(proto_type)
        assert copied == expected, name


def test_new_file_has_the_options_of_its_predecessor_with_the_new_version(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    text = (proto / V3).read_text()
    assert [line for line in text.splitlines() if line.startswith("option ")] == [
        'option go_package = "shop.example/rev22/events/v3;eventsv3";',
        "option java_multiple_files = true;",
        'option java_package = "example.events.v3";',
        'option objc_class_prefix = "ShopV3";',
        "option (shop.note) = {",
        'option (shop.owner) = "nobody2";',
    ]
    assert 'text: "v3 of all"' in text


def remove_rules(proto_type: Any) -> None:
    for message in [proto_type] if hasattr(proto_type, "field") else []:
        message.options.ClearExtension(rules_pb2.message)
        for field in message.field:
            field.options.ClearExtension(rules_pb2.field)


def test_copy_keeps_only_rules_about_the_public_event(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    fields = {
        f"{name}.{field.name}": field.options.Extensions[rules_pb2.field]
        for name, proto_type in index_types(read_file(proto, V3)).items()
        for field in getattr(proto_type, "field", [])
    }
    assert {name: rules for name, rules in fields.items() if rules != rules_pb2.FieldRules()} == {
        "BasketFilled.shop_id": rules_pb2.FieldRules(public="shop"),
        "BasketFilled.look": rules_pb2.FieldRules(not_public=True),
    }
    wrapping = index_types(read_file(proto, V3))["Wrapping"]
    assert not wrapping.options.HasExtension(rules_pb2.message)


def test_copy_keeps_comments(proto: Path) -> None:
    before = index_comments(read_file(proto, V2))
    new_version(proto, "BasketFilled")
    after = index_comments(read_file(proto, V3))
    uncopied = {"Unused", "BasketEmptied"}
    assert after == {name: comments for name, comments in before.items() if name not in uncopied}
    assert after["Look"] == ["Above the colours, and not of them.", "What a thing looks like.", ""]
    assert after["Look/LOOK_UNSPECIFIED"] == ["None.", "behind the value"]
    assert after["Wrapping/closing"] == ["Chosen, or not.", ""]
    assert after["Thing/Part/Look"] == ["Its own kind of look.", ""]


def test_record_gets_a_new_last_case_with_the_comment_of_the_previous_version(proto: Path) -> None:
    version = new_version(proto, "BasketFilled")
    assert (version.case, version.record_file) == ("basket_filled_v3", RECORD)
    text = (proto / RECORD).read_text()
    assert (
        f"""\
    ordertrail.events.v2.BasketEmptied basket_emptied_v2 = 31;
    // Filled.
    ordertrail.events.v3.BasketFilled basket_filled_v3 = {version.number};
  }}
"""
        in text
    )
    imports = re.findall(r'^import "(.+)";$', text, re.MULTILINE)
    assert V3 in imports
    assert imports == sorted(imports)


def test_first_case_of_a_version_gets_the_next_multiple_of_ten(proto: Path) -> None:
    assert new_version(proto, "BasketFilled").number == 50


def test_event_joins_the_unreleased_version_and_reuses_its_types(proto: Path) -> None:
    lock(proto, [f"ordertrail.events.{name}" for name in ("v1.BasketFilled", "v2.BasketFilled", "v2.BasketEmptied")])
    new_version(proto, "BasketFilled")
    edited = (proto / V3).read_text().replace("// Who filled it.", "// Who has filled it.")
    (proto / V3).write_text(edited)

    version = new_version(proto, "BasketEmptied")

    assert (version.message, version.number) == ("ordertrail.events.v3.BasketEmptied", 51)
    assert (version.copied_types, version.reused_types) == ([], ["Thing"])
    assert (proto / V3).read_text().startswith(edited)
    assert (proto / RECORD).read_text().count(f'"{V3}"') == 1


def test_without_a_lock_every_version_counts_as_released(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    version = new_version(proto, "BasketFilled")
    assert (version.message, version.number) == ("ordertrail.events.v4.BasketFilled", 60)
    assert version.predecessor == "ordertrail.events.v3.BasketFilled"


def test_event_skips_a_released_version_that_it_is_not_in(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    version = new_version(proto, "BasketEmptied")
    assert version.message == "ordertrail.events.v4.BasketEmptied"
    assert version.predecessor == "ordertrail.events.v2.BasketEmptied"
    assert version.copied_types == ["Look", "Thing", "Wrapping"]
