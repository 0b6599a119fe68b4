"""From the bounds that the contract gives to fields: for each of them, a message that breaks it and no other."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from buf.validate.validate_pb2 import FieldRules, field as rules_of_field, oneof as rules_of_oneof

# For each pattern of the contract texts that it does not match.
OUTSIDE = {
    "^[A-Z]*$": ["eur"],
    r"^\P{Cc}*$": ["a\0b", "a\nb", "\x9f"],
    r"^[\P{Cc}\t\n\r]*$": ["a\0b", "a\x1bb", "\x9f"],
}


class Broken(NamedTuple):
    """A message that breaks one bound: `field` is the path that its refusal must name."""

    field: str
    rule: str
    message: Message


def each_broken(kind: Any) -> Iterator[Broken]:
    """Yield a message for every bound of every field that `kind` has, or that a message in it has."""
    for oneof in kind.DESCRIPTOR.oneofs:
        if oneof.GetOptions().Extensions[rules_of_oneof].required:
            yield Broken(oneof.name, "required", _with(kind, oneof.fields[0], None))
    for field in kind.DESCRIPTOR.fields:
        for rule, value in _breaking(field):
            of_element = field.is_repeated and rule not in ("min_items", "max_items")
            yield Broken(field.name + "[0]" * of_element, rule, _with(kind, field, value))
        if _is_ours(field):
            for path, rule, inner in each_broken(GetMessageClass(field.message_type)):
                place = f"{field.name}[0]" if field.is_repeated else field.name
                yield Broken(f"{place}.{path}", rule, _with(kind, field, inner))


def valid(kind: Any) -> Any:
    """Return a message within all bounds, with every message of ours in it that there can be."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        alternatives = field.containing_oneof.fields if field.containing_oneof else [field]
        if alternatives[0] == field:
            _set(message, field, _within(field))
    return message


def _within(field: Any) -> Any:
    rules = _rules(field)
    if _is_ours(field):
        return valid(GetMessageClass(field.message_type))
    if rules.string.len:
        return "E" * rules.string.len
    if rules.string.min_len:
        return "x"
    return max(rules.int64.gte, rules.int32.gte) or None


def _breaking(field: Any) -> Iterator[tuple[str, Any]]:
    rules = _rules(field)
    if rules.required:
        yield "required", None
    of_kind = rules.WhichOneof("type")
    if of_kind is not None:
        for rule, bound in getattr(rules, of_kind).ListFields():
            yield from _beyond(of_kind, rule.name, bound, field)


def _beyond(of_kind: str, rule: str, bound: Any, field: Any) -> Iterator[tuple[str, Any]]:
    """Yield values that break one rule. A rule that is not known here fails the test, so none stays untested."""
    if rule == "items":
        inside = bound.WhichOneof("type")
        for of_items, limit in getattr(bound, inside).ListFields():
            for name, value in _beyond(inside, of_items.name, limit, field):
                yield f"items.{name}", [value]
        return
    letters: Any = b"x" if of_kind == "bytes" else "X"
    values: dict[str, Callable[[], list[Any]]] = {
        "min_len": lambda: [letters * (bound - 1)],
        "max_len": lambda: [letters * (bound + 1)],
        "len": lambda: [letters * (bound - 1), letters * (bound + 1)],
        "pattern": lambda: OUTSIDE[bound],
        "gte": lambda: [bound - 1],
        "lte": lambda: [bound + 1],
        "min_items": lambda: [[]],
        "max_items": lambda: [[_element(field)] * (bound + 1)],
        "defined_only": lambda: [12_345],
    }
    for value in values[rule]():
        yield rule, value


def _element(field: Any) -> Any:
    if field.message_type is not None:
        return valid(GetMessageClass(field.message_type))
    return 1 if field.enum_type is not None else "x"


def _with(kind: Any, field: Any, value: Any) -> Message:
    message: Message = valid(kind)
    message.ClearField(field.name)
    _set(message, field, value)
    return message


def _set(message: Any, field: Any, value: Any) -> None:
    if value is None:
        return
    if field.is_repeated:
        getattr(message, field.name).extend(value if isinstance(value, list) else [value])
    elif isinstance(value, Message):
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def _is_ours(field: Any) -> bool:
    return field.message_type is not None and field.message_type.full_name.startswith("ordertrail.")


def _rules(field: Any) -> FieldRules:
    return field.GetOptions().Extensions[rules_of_field]  # type: ignore[no-any-return]
