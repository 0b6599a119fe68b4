"""Deadlines of waits within a call. They end before the call's own deadline, so that the caller gets a typed error."""

from asyncio import get_running_loop
from math import inf
from time import monotonic

WAITING_SHARE = 0.9
"""The share of a call's time for waits. The rest is for the answer."""

DEFAULT_SECONDS = 10.0
"""How long a query waits in a call without a deadline."""


def command_deadline(time_remaining: float | None) -> float:
    """Return the time, by the monotonic clock, until which a command can wait for its answer.

    `time_remaining` is the time until the call's deadline, in seconds, None if it has none.
    """
    return inf if time_remaining is None else monotonic() + WAITING_SHARE * time_remaining


def query_deadline(time_remaining: float | None) -> float:
    """Return the time, by the event loop's clock, until which a query can wait for the log or the read model.

    `time_remaining` is as above. All waits of a call share one deadline.
    """
    seconds = DEFAULT_SECONDS if time_remaining is None else WAITING_SHARE * time_remaining
    return get_running_loop().time() + seconds
