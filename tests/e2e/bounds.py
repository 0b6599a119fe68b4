"""Messages that violate one bound of the contract each."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from buf.validate.validate_pb2 import FieldRules, field as rules_of_field, oneof as rules_of_oneof

# For each pattern of the contract, texts that it does not match.
UNMATCHED_TEXTS = {
    "^[A-Z]*$": ["eur"],
    "^([0-9a-f]{12})?$": ["0123456789", "0123456789AB", "x" * 12],
    "^[a-z][a-z0-9_]{0,62}$": ["", "Orders", "1", "a-b", "a" * 64],
    "^[a-z][a-z0-9-]{0,62}$": ["", "Mails", "1", "a_b", "a" * 64],
    r"^\P{Cc}*$": ["a\0b", "a\nb", "\x9f"],
    r"^[\P{Cc}\t\n\r]*$": ["a\0b", "a\x1bb", "\x9f"],
}


class Violation(NamedTuple):
    """A message that violates one bound. `field` is the path that its refusal must name."""

    field: str
    rule: str
    message: Message


def violating_messages(kind: Any) -> Iterator[Violation]:
    """Yield a message for every bound of every field of `kind`, including fields of nested messages."""
    for oneof in kind.DESCRIPTOR.oneofs:
        if oneof.GetOptions().Extensions[rules_of_oneof].required:
            yield Violation(oneof.name, "required", _with(kind, oneof.fields[0], None))
    for field in kind.DESCRIPTOR.fields:
        for rule, value in _violations_of(field):
            is_element_rule = field.is_repeated and rule not in ("min_items", "max_items")
            yield Violation(field.name + "[0]" * is_element_rule, rule, _with(kind, field, value))
        if _is_ours(field):
            for path, rule, inner_message in violating_messages(GetMessageClass(field.message_type)):
                prefix = f"{field.name}[0]" if field.is_repeated else field.name
                yield Violation(f"{prefix}.{path}", rule, _with(kind, field, inner_message))


def build_valid_message(kind: Any) -> Any:
    """Return a message within all bounds that has every nested message of the contract."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        alternatives = field.containing_oneof.fields if field.containing_oneof else [field]
        if alternatives[0] == field:
            _set(message, field, _within(field))
    return message


def _within(field: Any) -> Any:
    rules = _rules(field)
    if _is_ours(field):
        return build_valid_message(GetMessageClass(field.message_type))
    if field.message_type and _is_required_choice(field):
        return GetMessageClass(field.message_type)()
    if rules.string.len:
        return "E" * rules.string.len
    if rules.string.min_len or rules.string.pattern.startswith("^[a-z]"):
        return "x"
    return max(rules.int64.gte, rules.int32.gte) or None


def _is_required_choice(field: Any) -> bool:
    choice = field.containing_oneof
    return choice is not None and choice.GetOptions().Extensions[rules_of_oneof].required


def _violations_of(field: Any) -> Iterator[tuple[str, Any]]:
    rules = _rules(field)
    if rules.required:
        yield "required", None
    type_name = rules.WhichOneof("type")
    if type_name is not None:
        for rule, bound in getattr(rules, type_name).ListFields():
            yield from _values_outside(type_name, rule.name, bound, field)


def _values_outside(type_name: str, rule: str, bound: Any, field: Any) -> Iterator[tuple[str, Any]]:
    """Yield values that violate one rule. An unknown rule fails the test, so no rule stays untested."""
    if rule == "items":
        item_type = bound.WhichOneof("type")
        for item_rule, limit in getattr(bound, item_type).ListFields():
            for name, value in _values_outside(item_type, item_rule.name, limit, field):
                yield f"items.{name}", [value]
        return
    letter: Any = b"x" if type_name == "bytes" else "X"
    values: dict[str, Callable[[], list[Any]]] = {
        "min_len": lambda: [letter * (bound - 1)],
        "max_len": lambda: [letter * (bound + 1)],
        "len": lambda: [letter * (bound - 1), letter * (bound + 1)],
        "pattern": lambda: UNMATCHED_TEXTS[bound],
        "gte": lambda: [_shift(bound, -1)],
        "lte": lambda: [_shift(bound, 1)],
        "min_items": lambda: [[]],
        "max_items": lambda: [[_element(field)] * (bound + 1)],
        "defined_only": lambda: [12_345],
        "not_in": lambda: list(bound),
    }
    for value in values[rule]():
        yield rule, value


def _shift(bound: Any, by: int) -> Any:
    return Duration(seconds=bound.seconds + by) if isinstance(bound, Duration) else bound + by


def _element(field: Any) -> Any:
    if field.message_type is not None:
        return build_valid_message(GetMessageClass(field.message_type))
    return 1 if field.enum_type is not None else "x"


def _with(kind: Any, field: Any, value: Any) -> Message:
    message: Message = build_valid_message(kind)
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
    rules: FieldRules = field.GetOptions().Extensions[rules_of_field]
    return rules
