"""Trace of a plan: what each of its rules did to one message."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.schema.hops.json_text import to_json_value
from ordertrail_server.schema.hops.plan import Match, Path, Plan, Rule, Value, names
from ordertrail_server.schema.hops.values import is_map
from ordertrail_server.schema.rules import renamed_values


class AppliedStep(NamedTuple):
    """A rule, the path that it read, the path that it filled, and the value as JSON; each may be empty."""

    rule: str
    old: str
    new: str
    value_json: str


def trace_plan(plan: Plan, old: Any, old_prefix: str = "", new_prefix: str = "") -> Iterator[AppliedStep]:
    """Yield one step per rule that a plan applies to a message. Unset fields are skipped."""
    for match in plan.matches:
        yield from _trace_match(match, old, old_prefix, new_prefix)
    for path in plan.dropped:
        if value := _value(path, old):
            yield AppliedStep("dropped", old_prefix + _text(path), "", value)


def _trace_match(match: Match, old: Any, old_prefix: str, new_prefix: str) -> Iterator[AppliedStep]:
    new_path = new_prefix + _text(match.new)
    if match.rule is Rule.ABSENT:
        yield AppliedStep(match.rule.value, "", new_path, "")
    elif match.rule is Rule.LITERAL:
        yield AppliedStep(match.rule.value, "", new_path, _literal(match))
    elif value := _value(match.old, old):
        old_path = old_prefix + _text(match.old)
        yield AppliedStep(_name(match), old_path, new_path, value)
        if match.value.message is not None and _is_changed(match.value.message):
            for old_index, new_index, message in _messages(match, old):
                yield from trace_plan(
                    match.value.message, message, f"{old_path}{old_index}.", f"{new_path}{new_index}."
                )


def _is_changed(plan: Plan) -> bool:
    """Return whether a plan changes more than a message's type."""
    inner = [match.value.message for match in plan.matches if match.value.message is not None]
    plain = all(
        match.rule is Rule.SAME and match.value in (Value(), Value(message=match.value.message))
        for match in plan.matches
    )
    return not plain or bool(plan.dropped) or any(map(_is_changed, inner))


def _name(match: Match) -> str:
    enum_map = match.value.enum is not None or bool(renamed_values(match.new[-1]))
    changes = {"enum_map": enum_map, "widened": match.value.widened, "to list": match.value.to_list}
    return ", ".join([match.rule.value, *(name for name, applies in changes.items() if applies)])


def _messages(match: Match, old: Any) -> list[tuple[str, str, Any]]:
    """Return each message in a field, with its index before and after the hop."""
    value = getattr(_holder(match.old, old), match.old[-1].name)
    if is_map(match.old[-1]):
        places = [f"[{json.dumps(key, ensure_ascii=False)}]" for key in value]
        return list(zip(places, places, (value[key] for key in value), strict=True))
    if match.old[-1].is_repeated:
        return [(f"[{place}]", f"[{place}]", message) for place, message in enumerate(value)]
    return [("", "[0]" if match.value.to_list else "", value)]


def _literal(match: Match) -> str:
    field = match.new[-1]
    assert field.containing_type is not None
    holder = GetMessageClass(field.containing_type)()
    setattr(holder, field.name, match.literal)
    return _value((field,), holder)


def _value(path: Path, message: Any) -> str:
    """Return the value at a path as JSON, empty if it is not set."""
    holder, name = _holder(path, message), path[-1].name
    if holder is None or all(field.name != name for field, _ in holder.ListFields()):
        return ""
    single_field = type(holder)()
    single_field.CopyFrom(holder)
    for field, _ in holder.ListFields():
        if field.name != name:
            single_field.ClearField(field.name)
    json_value = to_json_value(single_field)
    return json.dumps(json_value[name] if isinstance(json_value, dict) else json_value, ensure_ascii=False)


def _holder(path: Path, message: Any) -> Any:
    for field in path[:-1]:
        if not message.HasField(field.name):
            return None
        message = getattr(message, field.name)
    return message


def _text(path: Path) -> str:
    return ".".join(names(path))
