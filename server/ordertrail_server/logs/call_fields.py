"""The ids of the call that a log line concerns: its rpc, trace, request and order.

Each call of the server runs in a task of its own, and so in a context of its own. A line that is logged in it gets its
ids. Code that works for several calls names the ids of one by `extra=name_fields(order_id=…)`.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar

Fields = Mapping[str, object]
FIELDS = "fields"
"""The attribute of a log record that holds its fields."""

_actor: ContextVar[str] = ContextVar("actor", default="")
_read_current: ContextVar[Callable[[], Fields] | None] = ContextVar("call_fields", default=None)


def set_call_fields(read_fields: Callable[[], Fields]) -> None:
    """Add fields to the log lines of this task from now on. They are read only for a line."""
    _read_current.set(read_fields)


def read_call_fields() -> Fields:
    """Return the fields of the current call, none outside of a call."""
    read_fields = _read_current.get()
    return {} if read_fields is None else read_fields()


def set_actor(name: str) -> None:
    """Note who calls in this task. Only the access log names it."""
    _actor.set(name)


def read_actor() -> str:
    """Return who calls, "" if nobody has been identified."""
    return _actor.get()


def name_fields(**fields: object) -> dict[str, Fields]:
    """Return the argument `extra` of a log call that adds fields to its line. Empty ones are left out."""
    return {FIELDS: {name: value for name, value in fields.items() if value != ""}}


def trace_id_of(traceparent: str) -> str:
    """Return the trace id of a W3C trace context, "" if it has none (https://www.w3.org/TR/trace-context/)."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else ""
