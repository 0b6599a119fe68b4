"""A field that a command got since the last release must not change the digest of a retry."""

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorSet
from tests.authoring.shop import PROTO

from ordertrail_server.authoring.buf import build
from ordertrail_server.authoring.request_numbers import unstable_fields
from ordertrail_server.authoring.tree import Tree

TODAY = build(PROTO)


def gaps_if_new(message: str, *numbers: int) -> list[str]:
    """What is said of today's protos if the last release had not these fields of a message."""
    released = FileDescriptorSet.FromString(TODAY)
    for kept in messages_named(message, released):
        fields = [field for field in kept.field if field.number not in numbers]
        # A oneof must not be empty, and only numbers matter here.
        for field in fields:
            field.ClearField("oneof_index")
            field.ClearField("proto3_optional")
        kept.ClearField("oneof_decl")
        kept.ClearField("field")
        kept.field.extend(fields)
    return list(unstable_fields(Tree(TODAY), Tree(released.SerializeToString())))


def messages_named(name: str, image: FileDescriptorSet) -> list[DescriptorProto]:
    files = [file for file in image.file if file.package == "ordertrail.v1"]
    return [message for file in files for message in file.message_type if message.name == name]


@pytest.mark.parametrize(
    ("message", "number", "field", "highest"),
    [("PlaceOrderRequest", 11, "lines", 12), ("ReturnOrderRequest", 4, "validate_only", 10), ("Money", 2, "units", 3)],
)
def test_a_new_field_with_a_low_number_is_found_in_messages_within_messages_too(
    message: str, number: int, field: str, highest: int
) -> None:
    has = f"ordertrail.v1.{message}.{field} has the number {number}, below {highest}, which is released"
    assert [gap[: len(has)] for gap in gaps_if_new(message, number)] == [has]


@pytest.mark.parametrize(("message", "numbers"), [("PlaceOrderRequest", (12,)), ("PlaceOrderRequest", (11, 12))])
def test_new_fields_above_all_that_were_released_are_no_mistake(message: str, numbers: tuple[int, ...]) -> None:
    assert gaps_if_new(message, *numbers) == []


@pytest.mark.parametrize("message", ["Order", "OrderPlaced", "Command"])
def test_what_no_digest_covers_may_get_any_number(message: str) -> None:
    assert gaps_if_new(message, 1, 2, 3) == []


def test_a_message_without_released_fields_may_have_any_numbers() -> None:
    assert gaps_if_new("CancelOrderRequest", *range(1, 100)) == []
