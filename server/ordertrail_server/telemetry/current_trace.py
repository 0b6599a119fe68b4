"""The trace of the call that the current task answers. It needs no library, so it is cheap while traces are off."""

from contextvars import ContextVar
from typing import NamedTuple


class CurrentTrace(NamedTuple):
    """Ids in lower-case hexadecimal digits, as logs show them: 32 for the trace, 16 for the span."""

    trace_id: str
    span_id: str


_current: ContextVar[CurrentTrace | None] = ContextVar("current_trace", default=None)


def find_current_trace() -> CurrentTrace | None:
    """Return the trace of the call that this task answers; None outside of calls, and while traces are off."""
    return _current.get()


def set_current_trace(trace: CurrentTrace) -> None:
    """Set the trace for the rest of this task, and for the tasks that it creates. Each call has a task of its own."""
    _current.set(trace)
