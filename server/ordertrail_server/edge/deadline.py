"""How long a command may wait for the log: its caller must hear in time that the log does not answer."""

from math import inf
from time import monotonic

OF_THE_DEADLINE = 0.9
"""The share of a call's time in which it waits for the log; the rest is for saying that the log does not answer."""


def in_time(time_remaining: float | None) -> float:
    """Return the moment, by the monotonic clock, until which an answer comes in time.

    `time_remaining` is what is left of the call's deadline, in seconds; None if it has none.
    """
    return inf if time_remaining is None else monotonic() + OF_THE_DEADLINE * time_remaining
