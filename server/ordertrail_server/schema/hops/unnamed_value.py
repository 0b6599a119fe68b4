"""Enum numbers without a name: protobuf accepts them, and JSON then shows a bare number."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from ordertrail_server.schema.hops.nested_messages import MessageAction, apply_to_each
from ordertrail_server.schema.hops.values import is_map, value_field
from ordertrail_server.schema.upcasting import CannotUpcast


class UnnamedValue(CannotUpcast):
    """A field contains a number that is not a value of its enum. The text names both, and the function at fault."""

    def __init__(self, field: str, number: int, function: str = "") -> None:
        cause = f"the Python function {function} gives {field} the number" if function else f"{field} holds"
        super().__init__(f"{cause} {number}, which is not a value of its enum")
        self.field, self.number = field, number


def unnamed_check(message: Descriptor) -> MessageAction | None:
    """Return the check that raises UnnamedValue for a number without a name, or None if the type has no enum."""
    steps = _steps(message, {})
    return _do_all(steps) if steps else None


def _steps(message: Descriptor, steps_by_message: dict[str, list[MessageAction]]) -> list[MessageAction]:
    if message.full_name in steps_by_message:
        return steps_by_message[message.full_name]
    steps = steps_by_message[message.full_name] = []
    for field in message.fields:
        value_type = value_field(field)
        if value_type.enum_type is not None:
            steps.append(_check(field))
        elif value_type.message_type is not None:
            is_recursive = value_type.message_type.full_name in steps_by_message
            if (inner := _steps(value_type.message_type, steps_by_message)) or is_recursive:
                steps.append(_in_messages(field, _deferred(inner) if is_recursive else _do_all(inner)))
    return steps


def _in_messages(field: FieldDescriptor, check: MessageAction) -> MessageAction:
    if field.is_repeated:
        return apply_to_each(field, [check])
    name = field.name

    # Written without `apply_to_each`, because every order that is read passes here.
    def in_message(holder: Any) -> None:
        if holder.HasField(name):
            check(getattr(holder, name))

    return in_message


def _do_all(steps: list[MessageAction]) -> MessageAction:
    return steps[0] if len(steps) == 1 else _deferred(steps)


def _deferred(steps: list[MessageAction]) -> MessageAction:
    """Return the action that runs all steps of a list that may still grow, as that of a recursive message does."""

    def do(message: Any) -> None:
        for step in steps:
            step(message)

    return do


def _check(field: FieldDescriptor) -> MessageAction:
    enum = value_field(field).enum_type
    assert enum is not None
    name, full_name, numbers = field.name, field.full_name, frozenset(enum.values_by_number)

    def refuse(number: int) -> None:
        raise UnnamedValue(full_name, number)

    def check_one(message: Any) -> None:
        if (number := getattr(message, name)) not in numbers:
            refuse(number)

    def check_each(message: Any) -> None:
        values = getattr(message, name)
        for number in values.values() if is_map(field) else values:
            if number not in numbers:
                refuse(number)

    return check_each if field.is_repeated else check_one
