"""Text as commands take it. What is no UTF-8 cannot be sent to a server, and makes the Kafka client crash."""

import os

import click


class Text(click.ParamType[str]):
    """Any text. Bytes that the locale cannot name are read as UTF-8, or refused."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        try:
            return os.fsencode(value).decode() if _is_undecoded(value) else value
        except UnicodeError:
            self.fail(f"{value!a} is not UTF-8.", param, ctx)


def _is_undecoded(value: str) -> bool:
    """Return whether Python could not decode a part of an argument: it stands there as half a surrogate pair."""
    return any("\ud800" <= character <= "\udfff" for character in value)


TEXT = Text()
