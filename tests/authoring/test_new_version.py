"""What `new_version` makes of a tree."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.json_format import MessageToDict
from tests.authoring.shop import RECORD, V2, V3, compiled, lock, write_shop

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.authoring.new_version import new_version


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "proto")


def file_of(proto: Path, name: str) -> FileDescriptorProto:
    return next(file for file in compiled(proto).file if file.name == name)


def types_of(file: FileDescriptorProto) -> dict[str, Any]:
    types: list[Any] = [*file.message_type, *file.enum_type]
    return {one.name: one for one in types}


def said_of(file: FileDescriptorProto) -> dict[str, list[str]]:
    """Return {name of what a comment is about, from the outside in: its comments, word by word}."""
    said = {}
    for location in file.source_code_info.location:
        comments = [*location.leading_detached_comments, location.leading_comments, location.trailing_comments]
        if any(comments):
            said["/".join(names_on_the_way(file, location.path))] = [" ".join(each.split()) for each in comments]
    return said


def names_on_the_way(at: Any, path: Iterable[int]) -> Iterator[str]:
    waiting = iter(path)
    for number in waiting:
        field = at.DESCRIPTOR.fields_by_number[number]
        if not field.is_repeated or field.name.startswith("reserved"):
            yield field.name
            return
        at = getattr(at, field.name)[next(waiting)]
        yield at.name


def test_the_newest_message_is_copied_with_all_that_it_uses_and_nothing_else(proto: Path) -> None:
    made = new_version(proto, "BasketFilled")
    assert (made.message, made.predecessor) == (
        "ordertrail.events.v3.BasketFilled",
        "ordertrail.events.v2.BasketFilled",
    )
    assert (made.file, made.copied_types, made.reused_types) == (V3, ["Look", "Thing", "Wrapping"], [])
    assert types_of(file_of(proto, V3)).keys() == {"BasketFilled", "Look", "Thing", "Wrapping"}


def test_a_copy_is_what_it_was_but_for_its_package_and_its_rules(proto: Path) -> None:
    before = types_of(file_of(proto, V2))
    new_version(proto, "BasketFilled")
    after = types_of(file_of(proto, V3))

    rules = after["BasketFilled"].options.Extensions[rules_pb2.message]
    assert MessageToDict(rules) == {"from": ["ordertrail.events.v2.BasketFilled"]}
    for name, copied in after.items():
        expected = type(copied).FromString(before[name].SerializeToString().replace(b".events.v2.", b".events.v3."))
        for one in (expected, copied):
            without_rules(one)
        assert copied == expected, name


def test_a_new_file_has_the_options_of_its_predecessor_with_the_new_version(proto: Path) -> None:
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


def without_rules(one: Any) -> None:
    for message in [one] if hasattr(one, "field") else []:
        message.options.ClearExtension(rules_pb2.message)
        for field in message.field:
            field.options.ClearExtension(rules_pb2.field)


def test_of_the_rules_only_those_on_what_is_shown_go_on(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    fields = {
        f"{name}.{field.name}": field.options.Extensions[rules_pb2.field]
        for name, one in types_of(file_of(proto, V3)).items()
        for field in getattr(one, "field", [])
    }
    assert {name: rules for name, rules in fields.items() if rules != rules_pb2.FieldRules()} == {
        "BasketFilled.shop_id": rules_pb2.FieldRules(public="shop"),
        "BasketFilled.look": rules_pb2.FieldRules(not_public=True),
    }
    wrapping = types_of(file_of(proto, V3))["Wrapping"]
    assert not wrapping.options.HasExtension(rules_pb2.message)


def test_comments_are_kept(proto: Path) -> None:
    before = said_of(file_of(proto, V2))
    new_version(proto, "BasketFilled")
    after = said_of(file_of(proto, V3))
    gone = {"Unused", "BasketEmptied"}
    assert after == {name: said for name, said in before.items() if name not in gone}
    assert after["Look"] == ["Above the colours, and not of them.", "What a thing looks like.", ""]
    assert after["Look/LOOK_UNSPECIFIED"] == ["None.", "said behind"]
    assert after["Wrapping/closing"] == ["Chosen, or not.", ""]
    assert after["Thing/Part/Look"] == ["Its own kind of look.", ""]


def test_the_record_gets_a_case_below_the_others_with_the_comment_of_the_case_before(proto: Path) -> None:
    made = new_version(proto, "BasketFilled")
    assert (made.case, made.record_file) == ("basket_filled_v3", RECORD)
    text = (proto / RECORD).read_text()
    assert (
        f"""\
    ordertrail.events.v2.BasketEmptied basket_emptied_v2 = 31;
    // Filled.
    ordertrail.events.v3.BasketFilled basket_filled_v3 = {made.number};
  }}
"""
        in text
    )
    imports = re.findall(r'^import "(.+)";$', text, re.MULTILINE)
    assert V3 in imports
    assert imports == sorted(imports)


def test_its_number_begins_a_ten_above_all_events_stored_or_public(proto: Path) -> None:
    assert new_version(proto, "BasketFilled").number == 50


def test_an_event_goes_into_the_version_that_is_not_released_yet_and_uses_what_is_there(proto: Path) -> None:
    lock(proto, [f"ordertrail.events.{name}" for name in ("v1.BasketFilled", "v2.BasketFilled", "v2.BasketEmptied")])
    new_version(proto, "BasketFilled")
    edited = (proto / V3).read_text().replace("// Who filled it.", "// Who has filled it.")
    (proto / V3).write_text(edited)

    made = new_version(proto, "BasketEmptied")

    assert (made.message, made.number) == ("ordertrail.events.v3.BasketEmptied", 51)
    assert (made.copied_types, made.reused_types) == ([], ["Thing"])
    assert (proto / V3).read_text().startswith(edited)
    assert (proto / RECORD).read_text().count(f'"{V3}"') == 1


def test_without_a_lock_every_version_is_a_released_one(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    made = new_version(proto, "BasketFilled")
    assert (made.message, made.number) == ("ordertrail.events.v4.BasketFilled", 60)
    assert made.predecessor == "ordertrail.events.v3.BasketFilled"


def test_an_event_that_has_no_newer_version_yet_leaves_a_version_out_where_that_is_released(proto: Path) -> None:
    new_version(proto, "BasketFilled")
    made = new_version(proto, "BasketEmptied")
    assert made.message == "ordertrail.events.v4.BasketEmptied"
    assert made.predecessor == "ordertrail.events.v2.BasketEmptied"
    assert made.copied_types == ["Look", "Thing", "Wrapping"]
