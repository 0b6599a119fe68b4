"""Orders that wait after a rejection. The waits are not durable: after a restart, an order is handed out at once."""

from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable


class Delays:
    """For one event loop. Calls `resume` with the id of an order when its wait is over."""

    def __init__(self, resume: Callable[[str], None]) -> None:
        self._resume = resume
        self._timers: dict[str, TimerHandle] = {}

    def begin(self, order_id: str, seconds: float) -> None:
        """Let an order wait, also if it waits already."""
        if order_id in self._timers:
            self._timers[order_id].cancel()
        self._timers[order_id] = get_running_loop().call_later(seconds, self._end, order_id)

    def take_all(self) -> list[str]:
        """End all waits without a call, and return the ids of their orders."""
        order_ids = list(self._timers)
        self.close()
        return order_ids

    def close(self) -> None:
        """End all waits without a call."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _end(self, order_id: str) -> None:
        del self._timers[order_id]
        self._resume(order_id)
