"""Exponential back-off with jitter between attempts, for a limited time."""

import asyncio
import random
import time

from ordertrail.errors import Unavailable

__all__ = ["Patience"]

FIRST, LONGEST = 0.1, 5.0


class Patience:
    """Allows attempts until they have failed for `seconds`, from the first failure after the last success on."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Note a success: the next waits are short again."""
        self._delay = FIRST
        self._failing_since: float | None = None

    async def wait(self, cause: Unavailable) -> None:
        """Wait before the next attempt, at least as long as the server asked for. Raises `cause` when time is up."""
        delay = max(self._delay * random.uniform(0.5, 1.0), cause.retry_after or 0.0)
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if now + delay - self._failing_since > self._seconds:
            raise cause from None
        self._delay = min(self._delay * 2, LONGEST)
        await asyncio.sleep(delay)
