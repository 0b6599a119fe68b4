"""Exponential back-off with jitter between attempts, for a limited time."""

import asyncio
import random
import time

from ordertrail.errors import OrderTrailError, Unauthenticated, Unavailable

__all__ = ["Backoff"]

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0


class Backoff:
    """Waits between failed attempts, for at most `seconds` from the first failure after the last success.

    `longest` is the longest wait, in seconds, unless the server asks for a longer one. A call whose identity expired
    after a success is attempted once more, because the next attempt gets a new token.
    """

    def __init__(self, seconds: float, longest: float = LONGEST_SECONDS) -> None:
        self._seconds, self._longest = seconds, longest
        self.reset()
        self._has_succeeded = False

    def reset(self) -> None:
        """Record a success: the next waits are short again."""
        self._delay = FIRST_SECONDS
        self._failing_since: float | None = None
        self._has_succeeded = True

    async def wait(self, cause: OrderTrailError) -> None:
        """Wait before the next attempt, at least for the server's retry delay.

        Raises `cause` if no retry can fix it, or time is up.
        """
        if not self._is_retryable(cause):
            raise cause from None
        self._has_succeeded = False
        delay = max(self._delay * random.uniform(0.5, 1.0), cause.retry_after or 0.0)
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now + delay - self._failing_since > self._seconds:
            raise cause from None
        self._delay = min(self._delay * 2, self._longest)
        await asyncio.sleep(delay)

    def _is_retryable(self, cause: OrderTrailError) -> bool:
        return isinstance(cause, Unavailable) or (isinstance(cause, Unauthenticated) and self._has_succeeded)
