"""What is released never changes: the lock finds every edit that matters, and none that does not."""

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from tests.schema.other_protos import RECORD, Edit, Protos, record_after

from ordertrail.evolve.v1 import rules_pb2
from ordertrail_server.schema.lock.lock_file import append_unlocked, lock_gaps, unlocked_names

LOCK = append_unlocked(RECORD, "")
PUT_BACK = "what is released never changes: put it back"
NEW_VERSION = f"; {PUT_BACK}, and copy it into a new version with `ordertrail schema new`"
NEW_NUMBER = f"; {PUT_BACK}; what is new takes a number that was never used"
MONEY, STATUS, RECORD_NAME = (
    "message ordertrail.events.v2.Money: ",
    "enum ordertrail.events.v2.OrderStatus: ",
    "message ordertrail.log.v1.Record: ",
)
STRING, MESSAGE = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_MESSAGE


def drop_case(protos: Protos) -> None:
    protos.message("log.v1.Record").field.remove(protos.field("log.v1.Record", 29))


def drop_last_field(protos: Protos) -> None:
    message = protos.message("events.v1.OrderPlaced")
    message.field.pop()
    message.oneof_decl.pop()


def retype_units(protos: Protos) -> None:
    protos.field("events.v2.Money", 2).type = STRING


def swap_units_and_code(protos: Protos) -> None:
    code, units = protos.field("events.v2.Money", 1), protos.field("events.v2.Money", 2)
    code.number, units.number = 2, 1


def reuse_number_of_units(protos: Protos) -> None:
    protos.rename("events.v2.Money", 2, "note").type = STRING


def forget_presence(protos: Protos) -> None:
    money = protos.message("events.v2.Money")
    protos.field("events.v2.Money", 3).ClearField("oneof_index")
    protos.field("events.v2.Money", 3).ClearField("proto3_optional")
    money.oneof_decl.pop()


def make_a_oneof(protos: Protos) -> None:
    protos.field("events.v2.Money", 1).ClearField("proto3_optional")
    protos.message("events.v2.Money").oneof_decl[0].name = "part"


def add_alias(protos: Protos) -> None:
    protos.enum("events.v2.OrderStatus").options.allow_alias = True
    protos.enum("events.v2.OrderStatus").value.add(number=7, name="ORDER_STATUS_SENT_BACK")


def declare_dropped(protos: Protos) -> None:
    protos.message("events.v2.Money").options.Extensions[rules_pb2.message].dropped.append("rounding")


def declare_source_of_units(protos: Protos) -> None:
    rules = protos.field("events.v2.Money", 2).options.Extensions[rules_pb2.field]
    getattr(rules, "from").append("whole")
    rules.enum_map.add(to='B"').MergeFromString(b"\x0a\x01A")


def reuse_case(protos: Protos) -> None:
    case = protos.field("log.v1.Record", 29)
    case.name, case.type_name = "order_split_v2", ".ordertrail.events.v2.OrderCancelled"


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (
            retype_units,
            f"{MONEY}number 2 was `optional int64 units`, and is `optional string units` now{NEW_VERSION}",
        ),
        (
            lambda protos: protos.rename("events.v2.Money", 2, "whole"),
            f"{MONEY}number 2 was `optional int64 units`, and is `optional int64 whole` now{NEW_VERSION}",
        ),
        (
            lambda protos: setattr(protos.field("events.v2.Money", 2), "number", 5),
            f"{MONEY}`units` had the number 2, and has 5 now{NEW_VERSION}",
        ),
        (swap_units_and_code, f"{MONEY}`currency_code` had the number 1, and has 2 now{NEW_VERSION}"),
        (
            reuse_number_of_units,
            f"{MONEY}number 2 is used again: it was `optional int64 units`, "
            f"and is `optional string note` now{NEW_VERSION}",
        ),
        (
            forget_presence,
            f"{MONEY}number 3 was `optional int32 nanos`, and is `implicit int32 nanos` now{NEW_VERSION}",
        ),
        (
            make_a_oneof,
            f"{MONEY}number 1 was `optional string currency_code`, "
            f"and is `oneof part string currency_code` now{NEW_VERSION}",
        ),
        (
            drop_last_field,
            "message ordertrail.events.v1.OrderPlaced: number 7 is gone: "
            f"it was `optional string other_json`{NEW_VERSION}",
        ),
        (
            lambda protos: protos.add_field("events.v2.Money", 4, "note", STRING),
            f"{MONEY}number 4 is new: `implicit string note`{NEW_VERSION}",
        ),
        (
            lambda protos: protos.enum("events.v2.OrderStatus").value.pop(),
            f"{STATUS}number 7 is gone: it was `ORDER_STATUS_RETURNED`{NEW_VERSION}",
        ),
        (
            lambda protos: protos.enum("events.v2.OrderStatus").value.add(number=8, name="ORDER_STATUS_LOST"),
            f"{STATUS}number 8 is new: `ORDER_STATUS_LOST`{NEW_VERSION}",
        ),
        (add_alias, f"{STATUS}number 7 is new: `ORDER_STATUS_SENT_BACK`{NEW_VERSION}"),
        (declare_dropped, f'{MONEY}its rules were none, and are `dropped = "rounding"` now{NEW_VERSION}'),
        (
            declare_source_of_units,
            f"{MONEY}number 2: its rules were none, "
            f'and are `from = "whole"; enum_map = {{from = "A"; to = "B\\""}}` now{NEW_VERSION}',
        ),
        (
            lambda protos: setattr(protos.field("log.v1.Record", 29), "number", 30),
            f"{RECORD_NAME}`order_returned_v2` had the number 29, and has 30 now{NEW_NUMBER}",
        ),
        (
            reuse_case,
            f"{RECORD_NAME}number 29 is used again: it was `oneof event ordertrail.events.v2.OrderReturned "
            "order_returned_v2`, and is `oneof event ordertrail.events.v2.OrderCancelled order_split_v2` now"
            f"{NEW_NUMBER}",
        ),
        (
            drop_case,
            "message ordertrail.events.v2.OrderReturned: no record can hold it any more; "
            "what is released stays readable for ever: put it back, with its case of the record",
        ),
        (
            drop_case,
            f"{RECORD_NAME}number 29 is gone: it was `oneof event ordertrail.events.v2.OrderReturned "
            f"order_returned_v2`{NEW_NUMBER}",
        ),
        (
            lambda protos: setattr(protos.field("log.v1.Cause", 3), "type", FieldDescriptorProto.TYPE_BYTES),
            "message ordertrail.log.v1.Cause: number 3 was `optional string origin`, "
            f"and is `optional bytes origin` now{NEW_NUMBER}",
        ),
    ],
)
def test_an_edit_of_what_is_released_is_named_with_what_was_what_is_and_what_to_do(edit: Edit, found: str) -> None:
    assert found in lock_gaps(record_after(edit), LOCK)


def comment(protos: Protos) -> None:
    protos.package("events.v2").source_code_info.location.add(leading_comments="Another comment.")


def declare_in_another_order(protos: Protos) -> None:
    file = protos.package("events.v2")
    messages = list(file.message_type)
    for message in messages:
        fields = list(message.field)
        del message.field[:]
        message.field.extend(reversed(fields))
    del file.message_type[:]
    file.message_type.extend(reversed(messages))


def move_to_another_file(protos: Protos) -> None:
    file = protos.package("events.v2")
    record = protos.package("log.v1")
    record.dependency[list(record.dependency).index(file.name)] = file.name = "ordertrail/events/v2/facts.proto"


def give_json_names_and_other_options(protos: Protos) -> None:
    field = protos.field("events.v2.Money", 2)
    field.json_name, field.options.deprecated = "wholeUnits", True
    protos.message("events.v2.Money").options.deprecated = True
    protos.message("events.v2.Money").reserved_name.append("cents")


@pytest.mark.parametrize(
    "edit", [comment, declare_in_another_order, move_to_another_file, give_json_names_and_other_options]
)
def test_an_edit_that_changes_no_meaning_is_none(edit: Edit) -> None:
    record = record_after(edit)
    assert (lock_gaps(record, LOCK), unlocked_names(record, LOCK)) == ([], [])


def add_version_3(protos: Protos) -> None:
    """A new version of an event in a file of its own, with a case, and a field more of the envelope."""
    file = protos.files.setdefault("ordertrail/events/v3/order_events.proto", type(protos.package("events.v2"))())
    file.name, file.package, file.syntax = "ordertrail/events/v3/order_events.proto", "ordertrail.events.v3", "proto3"
    returned = file.message_type.add(name="OrderReturned")
    getattr(returned.options.Extensions[rules_pb2.message], "from").append("ordertrail.events.v2.OrderReturned")
    returned.field.add(number=1, name="why", type=STRING, label=FieldDescriptorProto.LABEL_OPTIONAL)
    tags = DescriptorProto(name="TagsEntry")
    tags.options.map_entry = True
    for number, name in enumerate(("key", "value"), 1):
        tags.field.add(number=number, name=name, type=STRING, label=FieldDescriptorProto.LABEL_OPTIONAL)
    returned.nested_type.append(tags)
    returned.field.add(
        number=2,
        name="tags",
        type=MESSAGE,
        label=FieldDescriptorProto.LABEL_REPEATED,
        type_name=".ordertrail.events.v3.OrderReturned.TagsEntry",
    )
    record = protos.files.pop(RECORD.file.name)
    protos.files[record.name] = record
    record.dependency.append(file.name)
    protos.add_field(
        "log.v1.Record", 40, "order_returned_v3", MESSAGE, ".ordertrail.events.v3.OrderReturned"
    ).oneof_index = protos.field("log.v1.Record", 20).oneof_index
    protos.add_field("log.v1.Record", 9, "region", STRING)


def test_what_is_new_is_unlocked_and_no_change() -> None:
    record = record_after(add_version_3)
    assert lock_gaps(record, LOCK) == []
    assert unlocked_names(record, LOCK) == [
        "ordertrail.events.v3.OrderReturned",
        "ordertrail.log.v1.Record.region",
        "ordertrail.log.v1.Record.order_returned_v3",
    ]


def test_locking_adds_what_is_new_below_all_that_stands_there_once() -> None:
    record = record_after(add_version_3)
    grown = append_unlocked(record, LOCK)
    assert grown.startswith(LOCK)
    assert [line for line in grown.removeprefix(LOCK).splitlines() if not line.startswith("digest")] == [
        "",
        "message ordertrail.events.v3.OrderReturned",
        '  rule from = "ordertrail.events.v2.OrderReturned"',
        "  1 implicit string why",
        "  2 map<string, string> tags",
        "",
        "message ordertrail.log.v1.Record",
        "  9 implicit string region",
        "  40 oneof event ordertrail.events.v3.OrderReturned order_returned_v3",
    ]
    assert (lock_gaps(record, grown), unlocked_names(record, grown)) == ([], [])
    assert append_unlocked(record, grown) == grown


def test_a_field_that_was_added_to_the_record_is_locked_from_then_on() -> None:
    grown = append_unlocked(record_after(add_version_3), LOCK)
    assert f"{RECORD_NAME}number 9 is gone: it was `implicit string region`{NEW_NUMBER}" in lock_gaps(RECORD, grown)


RESTORE = "; nothing in it is ever changed: bring it back from version control"
ENTRY = LOCK[LOCK.index("message ordertrail.events.v2.Money") : LOCK.index("message ordertrail.events.v2.OrderedLine")]


def line_of(text: str) -> int:
    return LOCK[: LOCK.index(text)].count("\n") + 1


def test_an_edited_entry_is_found_even_if_the_message_was_edited_alike() -> None:
    edited = LOCK.replace(ENTRY, ENTRY.replace("int64 units", "string units"))
    assert lock_gaps(record_after(retype_units), edited) == [
        f"schema.lock, line {line_of(ENTRY)}: message ordertrail.events.v2.Money: "
        f"was edited, or what stood right above was edited, moved or removed{RESTORE}"
    ]


def test_an_entry_that_was_removed_from_the_middle_is_found_where_the_next_one_stands() -> None:
    assert lock_gaps(RECORD, LOCK.replace(ENTRY, "")) == [
        f"schema.lock, line {line_of(ENTRY)}: message ordertrail.events.v2.OrderedLine: "
        f"was edited, or what stood right above was edited, moved or removed{RESTORE}"
    ]


@pytest.mark.parametrize(
    "tampered",
    [
        LOCK.removeprefix("#"),
        LOCK.replace("\n\nmessage ordertrail.events.v2.Money", "\nmessage ordertrail.events.v2.Money"),
        LOCK.replace(ENTRY, "").replace("enum ", ENTRY + "enum "),
        LOCK.replace(ENTRY, ENTRY + ENTRY),
        LOCK.replace(ENTRY, ENTRY[: ENTRY.index("digest")] + "\n"),
        LOCK + "message ordertrail.events.v2.Gift\n",
        LOCK[:-1],
        "not a lock\n",
        LOCK + f"digest {'0' * 32}\n",
    ],
    ids=["header", "blank line", "moved", "doubled", "digest gone", "unsealed", "cut", "no lock", "empty entry"],
)
def test_tampering_with_the_lock_is_found(tampered: str) -> None:
    assert any(gap.startswith("schema.lock, line ") for gap in lock_gaps(RECORD, tampered))


def test_every_edit_of_a_single_character_is_found() -> None:
    sound = lock_gaps(RECORD, LOCK)
    assert sound == []
    for place in range(0, len(LOCK), 7):
        edited = f"{LOCK[:place]}{'x' if LOCK[place] != 'x' else 'y'}{LOCK[place + 1 :]}"
        assert lock_gaps(RECORD, edited), f"character {place}"


def test_entries_deleted_from_the_end_are_unlocked_again() -> None:
    assert unlocked_names(RECORD, LOCK[: LOCK.index(ENTRY)])[0] == "ordertrail.events.v2.Money"


def test_without_a_lock_nothing_is_released() -> None:
    assert lock_gaps(RECORD, "") == []
    assert "ordertrail.events.v2.OrderPlaced" in unlocked_names(RECORD, "")


def test_a_released_event_may_be_retired_and_its_fields_made_public_since_its_bytes_read_as_before() -> None:
    def retire(protos: Protos) -> None:
        protos.message("events.v2.OrderReturned").options.Extensions[rules_pb2.message].retired = True
        protos.field("events.v2.OrderReturned", 1).options.Extensions[rules_pb2.field].not_public = True

    assert lock_gaps(record_after(retire), append_unlocked(RECORD, "")) == []
