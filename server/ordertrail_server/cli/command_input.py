"""Reads commands as JSON: one object, or several one after another, such as JSON Lines."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ordertrail_server.cli.value_text import escape
from ordertrail_server.operator_error import OperatorError

if TYPE_CHECKING:
    from ordertrail.v1.commands_pb2 import Command

BLANK = re.compile(r"\s*")


class InputCommand(NamedTuple):
    """A command, and the line of the input on which it begins, counted from 1."""

    line: int
    command: "Command"


class CommandInputRefused(OperatorError):
    """The input cannot be read, or holds something else than commands. The message names the line."""


def read_commands(source: str) -> list[InputCommand]:
    """Return the commands of a JSON text, of a file, or of standard input (`-`). Raises CommandInputRefused."""
    text = source if source.lstrip().startswith("{") else _read(source)
    commands = [InputCommand(line, _parse_command(line, value)) for line, value in _split(text)]
    if not commands:
        raise CommandInputRefused("The input holds no command.")
    return commands


def _read(source: str) -> str:
    name = "Standard input" if source == "-" else escape(source)
    try:
        content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandInputRefused(f"{name} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a name with a NUL, or content that is not UTF-8
        raise CommandInputRefused(f"{name} cannot be read: it is not UTF-8 text.") from error


def _split(text: str) -> Iterator[tuple[int, object]]:
    """Yield the values of a text and the lines on which they begin."""
    import json

    decoder = json.JSONDecoder()
    line, last, start = 1, 0, _skip_blank(text, 0)
    while start < len(text):
        line, last = line + text.count("\n", last, start), start
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "it is nested too deeply")
            raise CommandInputRefused(f"Line {line} is not JSON: {reason}. Nothing was submitted.") from None
        yield line, value
        start = _skip_blank(text, end)


def _skip_blank(text: str, start: int) -> int:
    blank = BLANK.match(text, start)
    return blank.end() if blank else start


def _parse_command(line: int, value: object) -> "Command":
    from google.protobuf.json_format import ParseDict, ParseError

    from ordertrail.v1.commands_pb2 import Command

    try:
        command = ParseDict(value, Command()) if isinstance(value, dict) else Command()
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = escape(str(error).partition("\n")[0]).rstrip(".")
        raise CommandInputRefused(f"Line {line} is not a command: {reason}. Nothing was submitted.") from None
    if command.WhichOneof("verb") is None:
        raise CommandInputRefused(
            f'Line {line} is not a command: it must be an object with a verb, such as {{"confirmOrder": {{"orderId": '
            '"order-1"}}. Nothing was submitted.'
        )
    return command
