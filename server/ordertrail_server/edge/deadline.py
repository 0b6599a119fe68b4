"""How long a call may wait: its caller must hear in time that what it waits for does not come."""

from asyncio import get_running_loop
from math import inf
from time import monotonic

OF_THE_DEADLINE = 0.9
"""The share of a call's time in which it waits; the rest is for the answer, also for that of having waited."""

WITHOUT_DEADLINE = 10.0
"""Seconds that a question waits in a call that has no deadline."""


def in_time(time_remaining: float | None) -> float:
    """Return the moment, by the monotonic clock, until which an answer to a command comes in time.

    `time_remaining` is what is left of the call's deadline, in seconds; None if it has none.
    """
    return inf if time_remaining is None else monotonic() + OF_THE_DEADLINE * time_remaining


def question_in_time(time_remaining: float | None) -> float:
    """Return the moment, by the event loop's clock, until which a question may wait for what it takes to answer it.

    `time_remaining` is as above. One moment for all of a call: waits that come one after another share its time.
    """
    patience = WITHOUT_DEADLINE if time_remaining is None else OF_THE_DEADLINE * time_remaining
    return get_running_loop().time() + patience
