"""The parameter type of text. Refuses text that is not UTF-8: no server accepts it, and it crashes librdkafka."""

import os

import click


class TextType(click.ParamType[str]):
    """Any text. Bytes that the locale cannot decode are read as UTF-8, or refused."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text."""
        try:
            return os.fsencode(value).decode() if _is_undecoded(value) else value
        except UnicodeError:
            self.fail(f"{value!a} is not UTF-8.", param, ctx)


def _is_undecoded(value: str) -> bool:
    """Return whether Python could not decode a part of an argument; it represents such bytes as lone surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in value)


TEXT = TextType()
