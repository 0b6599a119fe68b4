"""The lock finds each edit of a released message that changes its meaning, and no other edit."""

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from tests.schema.edited_protos import Edit, Protos, record_after
from tests.schema.lock.edits import (
    LOCK,
    MONEY,
    NEW_NUMBER,
    NEW_VERSION,
    RECORD_NAME,
    STATUS,
    STRING,
    add_alias,
    declare_dropped,
    declare_source_of_units,
    drop_case,
    drop_last_field,
    forget_presence,
    make_oneof,
    retype_units,
    reuse_case,
    reuse_number_of_units,
    swap_units_and_code,
)

from ordertrail_server.schema.lock.lock_file import lock_gaps, unlocked_names


@pytest.mark.parametrize(
    ("edit", "gap"),
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
            make_oneof,
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
            "a released message stays readable: restore it and its case in the record",
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
def test_edit_of_a_released_message_is_reported_with_both_texts_and_the_remedy(edit: Edit, gap: str) -> None:
    assert gap in lock_gaps(record_after(edit), LOCK)


def change_comment(protos: Protos) -> None:
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
    "edit", [change_comment, declare_in_another_order, move_to_another_file, give_json_names_and_other_options]
)
def test_edit_that_changes_no_meaning_is_no_gap(edit: Edit) -> None:
    record = record_after(edit)
    assert (lock_gaps(record, LOCK), unlocked_names(record, LOCK)) == ([], [])
