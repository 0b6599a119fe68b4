"""A field that was added to a command since the last release must not change the digest of a retry."""

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from tests.authoring.basket_protos import PROTO

from ordertrail_server.authoring.buf import build
from ordertrail_server.authoring.request_numbers import unstable_fields
from ordertrail_server.authoring.tree import Tree

TODAY = build(PROTO)


def gaps_if_new(message: str, *numbers: int) -> list[str]:
    """Return the gaps of today's protos if the last release lacked these fields of a message."""
    released = FileDescriptorSet.FromString(TODAY)
    for message_proto in messages_named(message, released):
        fields = [field for field in message_proto.field if field.number not in numbers]
        # A oneof must not be empty, and only numbers matter here.
        for field in fields:
            field.ClearField("oneof_index")
            field.ClearField("proto3_optional")
        message_proto.ClearField("oneof_decl")
        message_proto.ClearField("field")
        message_proto.field.extend(fields)
    return list(unstable_fields(Tree(TODAY), Tree(released.SerializeToString())))


def messages_named(name: str, image: FileDescriptorSet) -> list[DescriptorProto]:
    files = [file for file in image.file if file.package == "ordertrail.v1"]
    return [message for file in files for message in file.message_type if message.name == name]


@pytest.mark.parametrize(
    ("message", "number", "field", "highest"),
    [("PlaceOrderRequest", 11, "lines", 12), ("ReturnOrderRequest", 4, "validate_only", 10), ("Money", 2, "units", 3)],
)
def test_new_field_with_a_low_number_is_a_gap_also_in_nested_messages(
    message: str, number: int, field: str, highest: int
) -> None:
    has = f"ordertrail.v1.{message}.{field} has the number {number}, below {highest}, which is released"
    assert [gap[: len(has)] for gap in gaps_if_new(message, number)] == [has]


@pytest.mark.parametrize(("message", "numbers"), [("PlaceOrderRequest", (12,)), ("PlaceOrderRequest", (11, 12))])
def test_new_field_above_all_released_numbers_is_no_gap(message: str, numbers: tuple[int, ...]) -> None:
    assert gaps_if_new(message, *numbers) == []


@pytest.mark.parametrize("message", ["Order", "OrderPlaced", "Command"])
def test_field_that_no_digest_covers_can_have_any_number(message: str) -> None:
    assert gaps_if_new(message, 1, 2, 3) == []


def test_message_without_released_fields_can_have_any_numbers() -> None:
    assert gaps_if_new("CancelOrderRequest", *range(1, 100)) == []
