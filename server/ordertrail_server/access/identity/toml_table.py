"""Reads a table of the policy file key by key. Each fault names the path of its key and what to write."""

from collections.abc import Mapping
from math import inf
from pathlib import Path
from typing import Any

from ordertrail_server.operator_error import OperatorError


class ConfigInvalid(OperatorError):
    """The configuration cannot be used. The message names the path of the key, and what to write."""


class TomlTable:
    """A table at a path. Take each known key, then call `refuse_unknown`."""

    def __init__(self, table: object, path: str) -> None:
        if not isinstance(table, Mapping):
            raise ConfigInvalid(f"{path} must be a table")
        self._values: dict[str, Any] = dict(table)
        self._path = path

    def fault(self, key: str, text: str) -> ConfigInvalid:
        """Return the error of a key."""
        return ConfigInvalid(f"{self._path}.{key} {text}")

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text that is not empty."""
        value = self._values.pop(key, default)
        if not is_text(value) and value != default:
            raise self.fault(key, "must be a text that is not empty, without control characters")
        if value is None:
            raise self.fault(key, "is missing; write a text")
        return str(value)

    def texts(self, key: str, *, allow_single: bool = False) -> tuple[str, ...]:
        """Take a list of different texts, or with `allow_single` one text."""
        value = self._values.pop(key, None)
        texts = [value] if allow_single and isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(map(is_text, texts)) or len(set(texts)) < len(texts):
            raise self.fault(key, "must be a list of one or more different texts" + " or a text" * allow_single)
        return tuple(texts)

    def optional_text(self, key: str) -> str | None:
        """Take a text, or None if there is none."""
        return self.text(key) if key in self._values else None

    def optional_path(self, key: str) -> Path | None:
        """Take the path of a file, or None if there is none."""
        text = self.optional_text(key)
        return None if text is None else Path(text)

    def seconds(self, key: str, default: float, low: float, high: float) -> float:
        """Take a number of seconds within bounds."""
        value = self._values.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.fault(key, f"must be a number of seconds from {low:g} to {high:g}")
        return float(value)

    def number(self, key: str, low: float, high: float) -> float:
        """Take a number within bounds; infinity if there is none."""
        value = self._values.pop(key, inf)
        if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high or value == inf):
            raise self.fault(key, f"must be a number from {low:g} to {high:g}")
        return float(value)

    def table(self, key: str) -> "TomlTable":
        """Take a table."""
        if key not in self._values:
            raise self.fault(key, "is missing; write a table")
        return TomlTable(self._values.pop(key), f"{self._path}.{key}")

    def text_table(self, key: str) -> dict[str, str]:
        """Take a table of texts; an empty one if there is none."""
        value = self._values.pop(key, {})
        if not isinstance(value, Mapping) or not all(map(is_text, [*value, *value.values()])):
            raise self.fault(key, "must be a table of texts")
        return dict(value)

    def is_text(self, key: str) -> bool:
        """Return whether the value of a key is a text."""
        return isinstance(self._values.get(key), str)

    def flag(self, key: str, default: bool = False) -> bool:
        """Take a boolean."""
        value = self._values.pop(key, default)
        if not isinstance(value, bool):
            raise self.fault(key, "must be true or false")
        return value

    def has(self, key: str) -> bool:
        """Return whether a key is there and was not taken."""
        return key in self._values

    def refuse_unknown(self) -> None:
        """Raise ConfigInvalid if a key was not taken."""
        if self._values:
            raise self.fault(min(self._values), "is not a known key; remove it, or correct its spelling")


def is_text(value: object) -> bool:
    """Return whether a value is a text that can be read in a message."""
    return isinstance(value, str) and value != "" and value.isprintable()
