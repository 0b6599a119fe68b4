"""Compiles the bounds of a message to Python expressions, which accept a valid message faster than protovalidate.

The bounds in the protos stay the only declaration, and protovalidate stays the judge: a check that is true proves that
protovalidate finds no violation; one that is false proves nothing. A bound without an expression here only costs time.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, OneofDescriptor

from buf.validate.validate_pb2 import field as field_rules, message as message_rules, oneof as oneof_rules

Check = Callable[[Any], bool]

# Conditions on a value, which is written as $. A printable character is never a control character.
_PATTERNS: Final = {
    r"^\P{Cc}*$": "$.isprintable()",
    r"^[\P{Cc}\t\n\r]*$": "$.isprintable()",
    "^[A-Z]*$": "($ == '' or $.isascii() and $.isalpha() and $.isupper())",
}
_LENGTHS: Final = {"len": "len($) == {}", "min_len": "len($) >= {}", "max_len": "len($) <= {}"}
_RANGE: Final = {"gte": "$ >= {}", "lte": "$ <= {}"}
_BOUNDS: Final = {
    "string": _LENGTHS,
    "bytes": _LENGTHS,
    "int32": _RANGE,
    "int64": _RANGE,
    "repeated": {"min_items": "len($) >= {}", "max_items": "len($) <= {}", "items": "not $"},
}
_UNCHECKED: Final = "False"


@cache
def compile_check(message: Descriptor) -> Check:
    """Return the check of a message type: true only if protovalidate finds no violation in the message."""
    checks: dict[str, Any] = {}
    check: Check = checks[_define(message, checks)]
    return check


def _define(message: Descriptor, checks: dict[str, Any]) -> str:
    """Add the check of a message, and those of the messages in it, to `checks`; return its name."""
    name = f"check_{message.full_name.replace('.', '_')}"
    if name not in checks:
        checks[name] = None  # a message may contain itself
        checks[name] = _evaluate(_conditions(message, checks), checks)
    return name


def _evaluate(conditions: Iterable[str], checks: dict[str, Any]) -> Check:
    """Return the function of a message that is true if all conditions are."""
    expression = " and ".join(f"({condition})" for condition in conditions) or "True"
    check: Check = eval(f"lambda message: {expression}", checks)  # the text comes from our own descriptors only
    return check


def _conditions(message: Descriptor, checks: dict[str, Any]) -> Iterator[str]:
    if message.GetOptions().HasExtension(message_rules) or message.GetOptions().map_entry:
        yield _UNCHECKED
    for field in message.fields:
        if field.GetOptions().Extensions[field_rules].required:
            yield f"message.HasField({field.name!r})" if field.has_presence else _UNCHECKED
        condition = _field_condition(field, checks)
        if condition and not _has_alternatives(field):
            yield f"not message.HasField({field.name!r}) or {condition}" if field.has_presence else condition
    for oneof in message.oneofs:
        if _has_alternatives(oneof.fields[0]):
            yield f"{_define_members(oneof, checks)}[message.WhichOneof({oneof.name!r})](message)"


def _has_alternatives(field: FieldDescriptor) -> bool:
    """Return whether a field is in a oneof with other fields. An optional field is in a oneof of its own."""
    return field.containing_oneof is not None and len(field.containing_oneof.fields) > 1


def _define_members(oneof: OneofDescriptor, checks: dict[str, Any]) -> str:
    """Add {member: check of the message if it is set} to `checks`, with None for no member; return its name."""
    name = f"members_{oneof.full_name.replace('.', '_')}"
    is_required = oneof.GetOptions().Extensions[oneof_rules].required
    members = {field.name: _evaluate(filter(None, [_field_condition(field, checks)]), checks) for field in oneof.fields}
    checks[name] = {None: _evaluate([_UNCHECKED] if is_required else [], checks), **members}
    return name


def _field_condition(field: FieldDescriptor, checks: dict[str, Any]) -> str:
    """Return the condition on a field that is set, or that is never absent; empty if it has no bound."""
    bounds = list(_bounds(field))
    if field.message_type is not None:
        check = _define(field.message_type, checks)
        bounds.append(f"all(map({check}, $[:]))" if field.is_repeated else f"{check}($)")
    return " and ".join(bounds).replace("$", f"(value := message.{field.name})", 1).replace("$", "value")


def _bounds(field: FieldDescriptor) -> Iterator[str]:
    """Yield a condition for each bound that a field declares."""
    rules = field.GetOptions().Extensions[field_rules]
    type_name = rules.WhichOneof("type") or ""
    if {rule.name for rule, _ in rules.ListFields()} - {"required", type_name}:
        yield _UNCHECKED
    for rule, bound in getattr(rules, type_name).ListFields() if type_name else ():
        if (type_name, rule.name) == ("string", "pattern"):
            yield _PATTERNS.get(bound, _UNCHECKED)
        else:
            yield _BOUNDS.get(type_name, {}).get(rule.name, _UNCHECKED).format(bound)
