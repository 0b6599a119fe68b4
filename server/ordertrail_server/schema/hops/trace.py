"""What each rule of a plan did to one message."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from google.protobuf.message_factory import GetMessageClass

from ordertrail_server.schema.hops.plan import Match, Path, Plan, Rule, Value, names
from ordertrail_server.schema.hops.shown import shown
from ordertrail_server.schema.hops.values import is_map
from ordertrail_server.schema.rules import renamed_values


class Applied(NamedTuple):
    """A rule, the path that it read and the path that it filled, and the value as JSON; empty where there is none."""

    rule: str
    old: str
    new: str
    value_json: str


def applied(plan: Plan, old: Any, was_in: str = "", now_in: str = "") -> Iterator[Applied]:
    """Yield what a plan does to a message, rule by rule; a field that is not set is passed over."""
    for found in plan.matches:
        yield from _applied(found, old, was_in, now_in)
    for path in plan.dropped:
        if value := _value(path, old):
            yield Applied("dropped", was_in + _text(path), "", value)


def _applied(found: Match, old: Any, was_in: str, now_in: str) -> Iterator[Applied]:
    now = now_in + _text(found.new)
    if found.rule is Rule.ABSENT:
        yield Applied(found.rule.value, "", now, "")
    elif found.rule is Rule.LITERAL:
        yield Applied(found.rule.value, "", now, _literal(found))
    elif value := _value(found.old, old):
        was = was_in + _text(found.old)
        yield Applied(_name(found), was, now, value)
        if found.value.message is not None and _changes(found.value.message):
            for was_at, now_at, message in _messages(found, old):
                yield from applied(found.value.message, message, f"{was}{was_at}.", f"{now}{now_at}.")


def _changes(plan: Plan) -> bool:
    """Return whether anything but its type changes in a message, which is worth telling."""
    inner = [found.value.message for found in plan.matches if found.value.message is not None]
    plain = all(
        found.rule is Rule.SAME and found.value in (Value(), Value(message=found.value.message))
        for found in plan.matches
    )
    return not plain or bool(plan.dropped) or any(map(_changes, inner))


def _name(found: Match) -> str:
    enum_map = found.value.enum is not None or bool(renamed_values(found.new[-1]))
    more = {"enum_map": enum_map, "widened": found.value.widened, "to list": found.value.to_list}
    return ", ".join([found.rule.value, *(name for name, did in more.items() if did)])


def _messages(found: Match, old: Any) -> list[tuple[str, str, Any]]:
    """Return each message in a field, with its place in there before and after the hop."""
    held = getattr(_holder(found.old, old), found.old[-1].name)
    if is_map(found.old[-1]):
        places = [f"[{json.dumps(key, ensure_ascii=False)}]" for key in held]
        return list(zip(places, places, (held[key] for key in held), strict=True))
    if found.old[-1].is_repeated:
        return [(f"[{place}]", f"[{place}]", message) for place, message in enumerate(held)]
    return [("", "[0]" if found.value.to_list else "", held)]


def _literal(found: Match) -> str:
    field = found.new[-1]
    assert field.containing_type is not None
    holder = GetMessageClass(field.containing_type)()
    setattr(holder, field.name, found.literal)
    return _value((field,), holder)


def _value(path: Path, message: Any) -> str:
    """Return the value at a path as JSON, empty if it is not set."""
    holder, name = _holder(path, message), path[-1].name
    if holder is None or all(field.name != name for field, _ in holder.ListFields()):
        return ""
    alone = type(holder)()
    alone.CopyFrom(holder)
    for field, _ in holder.ListFields():
        if field.name != name:
            alone.ClearField(field.name)
    said = shown(alone)
    return json.dumps(said[name] if isinstance(said, dict) else said, ensure_ascii=False)


def _holder(path: Path, message: Any) -> Any:
    for field in path[:-1]:
        if not message.HasField(field.name):
            return None
        message = getattr(message, field.name)
    return message


def _text(path: Path) -> str:
    return ".".join(names(path))
