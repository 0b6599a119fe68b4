"""A compiled check accepts only valid messages; protovalidate decides about all that it does not accept."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, strategies as st
from protovalidate import Validator
from tests.commands.sample_requests import VERBS
from tests.e2e.bounds import build_valid_message, violating_messages
from tests.e2e.rpcs import RPCS
from tests.schema.strategies import messages

from buf.validate.validate_pb2 import (
    IGNORE_ALWAYS,
    FieldRules,
    MessageRules,
    Rule,
    StringRules,
    field as field_rules,
    message as message_rules,
)
from ordertrail.v1.commands_pb2 import Command
from ordertrail.v1.order_import_service_pb2 import SourceDocument
from ordertrail_server.edge.bounds_check import compile_check

KINDS: list[Any] = [*(rpc.request for rpc in RPCS.values()), Command, SourceDocument]
TEXTS = st.text(st.sampled_from("aZé🙂\0\n\t\x7f\x9f\xad\u2028"), max_size=4)
LENGTHS = st.sampled_from([0, 1, 2, 3, 4, 127, 128, 129, 1000, 1001])
NUMBERS = st.sampled_from([-1, 0, 1, 12, 31, 32, 9999, 10_000, 1_000_000, 1_000_001, 10**9 - 1, 10**9])
COUNTS = st.sampled_from([0, 1, 2, 16, 17, 200, 201])
OPTIONAL = FieldDescriptorProto.LABEL_OPTIONAL
validator, file_numbers = Validator(), count()


def is_valid(message: Message) -> bool:
    return not validator.collect_violations(message)


@st.composite
def almost_valid_messages(draw: Callable[[Any], Any]) -> Message:
    """Return a valid message of the contract in which up to two values are replaced by others."""
    message: Message = build_valid_message(draw(st.sampled_from(KINDS)))
    for _ in range(draw(st.integers(0, 2))):
        inner = draw(st.sampled_from(list(messages_in(message))))
        if inner.DESCRIPTOR.fields:
            replace_value(draw, inner, draw(st.sampled_from(list(inner.DESCRIPTOR.fields))))
    return message


def messages_in(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                yield from messages_in(inner)


def replace_value(draw: Callable[[Any], Any], message: Any, field: Any) -> None:
    message.ClearField(field.name)
    if field.is_repeated:
        getattr(message, field.name).extend([draw(values_of(field))] * draw(COUNTS))
    elif field.message_type is None:
        setattr(message, field.name, draw(values_of(field)))
    elif draw(st.booleans()):
        getattr(message, field.name).CopyFrom(draw(values_of(field)))


def values_of(field: Any) -> Any:
    if field.message_type is not None:
        return st.just(build_valid_message(GetMessageClass(field.message_type))) | messages(field.message_type)
    if field.type == field.TYPE_STRING:
        return TEXTS | st.builds(str.__mul__, st.sampled_from("aZ"), LENGTHS)
    if field.type == field.TYPE_BYTES:
        return st.builds(bytes, LENGTHS | st.sampled_from([65_536, 65_537]))
    if field.type == field.TYPE_BOOL:
        return st.booleans()
    return NUMBERS | st.sampled_from([10**12, 10**12 + 1]) if field.type == field.TYPE_INT64 else NUMBERS


@given(almost_valid_messages())
def test_check_accepts_no_message_that_protovalidate_refuses(message: Message) -> None:
    assert is_valid(message) or not compile_check(message.DESCRIPTOR)(message)


@given(almost_valid_messages().filter(lambda message: type(message) in VERBS))
def test_check_of_a_command_of_printable_text_is_the_verdict(message: Any) -> None:
    if all(text.isprintable() for text in texts_in(message)):
        assert compile_check(message.DESCRIPTOR)(message) == is_valid(message)


def texts_in(message: Message) -> list[str]:
    return [value for inner in messages_in(message) for _, value in inner.ListFields() if isinstance(value, str)]


@pytest.mark.parametrize("kind", KINDS)
def test_check_accepts_no_message_outside_one_bound(kind: Any) -> None:
    assert not any(map(compile_check(kind.DESCRIPTOR), [violation.message for violation in violating_messages(kind)]))


@pytest.mark.parametrize("kind", [*VERBS, Command])
def test_valid_command_needs_no_protovalidate(kind: Any) -> None:
    assert compile_check(kind.DESCRIPTOR)(build_valid_message(kind))


@pytest.mark.parametrize(
    "rules",
    [
        FieldRules(string=StringRules(prefix="a")),
        FieldRules(string=StringRules(pattern="^a$")),
        FieldRules(string=StringRules(max_len=9, email=True)),
        FieldRules(string=StringRules(max_len=9), ignore=IGNORE_ALWAYS),
        FieldRules(required=True),
        FieldRules(cel=[Rule(id="x", expression="this != ''")]),
    ],
)
def test_rule_without_expression_is_left_to_protovalidate(rules: FieldRules) -> None:
    kind = build_kind(rules, MessageRules())
    assert not compile_check(kind.DESCRIPTOR)(kind(text="a"))


def test_rule_of_a_whole_message_is_left_to_protovalidate() -> None:
    kind = build_kind(FieldRules(), MessageRules(cel_expression=["this.text != ''"]))
    assert not compile_check(kind.DESCRIPTOR)(kind(text="a"))


def test_message_in_itself_is_checked_at_every_depth() -> None:
    kind = build_kind(FieldRules(string=StringRules(max_len=1)), None)
    check = compile_check(kind.DESCRIPTOR)
    assert check(kind(text="a", inner=kind(text="b", inner=kind(text="c"))))
    assert not check(kind(text="a", inner=kind(text="b", inner=kind(text="cc"))))


def build_kind(rules: FieldRules, of_message: MessageRules | None) -> Any:
    """Return a new message type with one text that has these rules, and an optional message of the same type."""
    package = f"bounds.test{next(file_numbers)}"
    text = FieldDescriptorProto(name="text", number=1, label=OPTIONAL, type=FieldDescriptorProto.TYPE_STRING)
    text.options.Extensions[field_rules].CopyFrom(rules)
    inner = FieldDescriptorProto(name="inner", number=2, label=OPTIONAL, type=FieldDescriptorProto.TYPE_MESSAGE)
    inner.type_name = f".{package}.Sample"
    message = DescriptorProto(name="Sample", field=[text, inner])
    if of_message is not None:
        message.options.Extensions[message_rules].CopyFrom(of_message)
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3", message_type=[message])
    file.dependency.append("buf/validate/validate.proto")
    Default().Add(file)
    return GetMessageClass(Default().FindMessageTypeByName(f"{package}.Sample"))
