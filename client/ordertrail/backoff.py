"""Exponential back-off with jitter between attempts, for a limited time."""

import asyncio
import random
import time

from ordertrail.errors import Unavailable

__all__ = ["Backoff"]

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0


class Backoff:
    """Waits between failed attempts, for at most `seconds` from the first failure after the last success.

    `longest` is the longest wait, in seconds, unless the server asks for a longer one.
    """

    def __init__(self, seconds: float, longest: float = LONGEST_SECONDS) -> None:
        self._seconds, self._longest = seconds, longest
        self.reset()

    def reset(self) -> None:
        """Record a success: the next waits are short again."""
        self._delay = FIRST_SECONDS
        self._failing_since: float | None = None

    async def wait(self, cause: Unavailable) -> None:
        """Wait before the next attempt, at least for the server's retry delay. Raises `cause` when time is up."""
        delay = max(self._delay * random.uniform(0.5, 1.0), cause.retry_after or 0.0)
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now + delay - self._failing_since > self._seconds:
            raise cause from None
        self._delay = min(self._delay * 2, self._longest)
        await asyncio.sleep(delay)
