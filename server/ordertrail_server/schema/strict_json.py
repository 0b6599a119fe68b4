"""Strict, lossless JSON: numbers keep their text, and ambiguous documents are refused."""

import json
from collections import Counter
from json.encoder import encode_basestring
from typing import Final, NoReturn, TypeAlias

MAX_DEPTH: Final = 32
"""How deep arrays and objects may lie in each other."""

_LONGEST_QUOTE = 60


class Number(str):
    """A number, as its text."""

    __slots__ = ()


Value: TypeAlias = "dict[str, Value] | list[Value] | Number | str | bool | None"


class NotStrictJson(ValueError):
    """A text is refused. The message is the end of a sentence: `is not JSON …`."""


def parse_object(text: str) -> dict[str, Value]:
    """Parse a text as one JSON object, with numbers as `Number`. Raises NotStrictJson."""
    try:
        value: Value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotStrictJson(f"is not JSON from character {error.pos} on") from None
    except RecursionError:
        raise NotStrictJson(_TOO_DEEP) from None
    if not isinstance(value, dict):
        raise NotStrictJson("is not a JSON object")
    _check(value, 1)
    return value


def to_compact_json(value: Value) -> str:
    """Return the JSON text of a parsed value, without white space."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{encode_basestring(name)}:{to_compact_json(member)}" for name, member in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(to_compact_json, value)) + "]"
    return json.dumps(value)


def quote_text(text: str) -> str:
    """Quote a text for a sentence. A long one is cut; characters that UTF-8 cannot encode become `?`."""
    excerpt = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return encode_basestring(excerpt.encode(errors="replace").decode())


_TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"


def _members(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) < len(pairs):
        [(most_frequent, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise NotStrictJson(f"has {quote_text(most_frequent)} more than once")
    return members


def _refuse_constant(constant: str) -> NoReturn:
    raise NotStrictJson(f"holds {constant}, which is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Number, parse_int=Number, parse_constant=_refuse_constant
)


def _check(value: Value, depth: int) -> None:
    """Refuse values that are too deep, and text with half a surrogate pair, which UTF-8 cannot encode."""
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise NotStrictJson(_TOO_DEEP)
        for name in value if isinstance(value, dict) else ():
            _check_text(name)
        for inner in value.values() if isinstance(value, dict) else value:
            _check(inner, depth + 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotStrictJson("holds half a surrogate pair, which is not valid text") from None
