"""The result of one check of a server's surroundings."""

from enum import Enum
from typing import NamedTuple


class Status(Enum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"  # it will become an error, or hides one
    ERROR = "error"  # a server does not start, or its promises do not hold


class Finding(NamedTuple):
    """What a check found, in one sentence, and how to fix it; `fix` is empty if nothing needs to be done."""

    check: str
    status: Status
    text: str
    fix: str = ""


def ok(check: str, text: str) -> Finding:
    """Return the finding that nothing needs to be done."""
    return Finding(check, Status.OK, _end(text))


def warning(check: str, text: str, fix: str) -> Finding:
    """Return a finding that an operator should act on before it becomes an error."""
    return Finding(check, Status.WARNING, _end(text), _end(fix))


def error(check: str, text: str, fix: str) -> Finding:
    """Return a finding that must be fixed."""
    return Finding(check, Status.ERROR, _end(text), _end(fix))


def _end(text: str) -> str:
    """Return a sentence with one full stop; messages of errors may have one or none."""
    return f"{text.rstrip('.')}."
