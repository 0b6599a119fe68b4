"""Requests of the server to its running projector, as lines on its stdin, and the answers on its stdout.

A retry of a parked order: {"number": 7, "retry": "order-1"}; the answer: {"number": 7, "result": 3}, or null for an
order that is not parked. A comparison with the live generation: {"number": 8, "compare": "history"}; the answer is
Comparison.to_json. If a request fails, the answer is {"number": 8, "error": "…"}. An empty line is not a request: it
reports that the log has grown.
"""

import json
from asyncio import Future, get_running_loop
from collections.abc import Callable
from itertools import count
from typing import Any

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_GENERATION_NOT_READY, ERROR_REASON_UNAVAILABLE
from ordertrail_server.orders.refusal import Refusal, Refused

WAKE_UP = b"\n"


def projector_unavailable() -> Refused:
    """Return the refusal of a request that got no answer; the projector may or may not have handled it."""
    return Refused(Refusal(ERROR_REASON_UNAVAILABLE, "The projector is not running; try again shortly."))


class Requests:
    """The pending requests to one projector. For one event loop."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._pending: dict[int, tuple[bytes, Future[Any]]] = {}

    @property
    def pending_lines(self) -> list[bytes]:
        """The requests without an answer, for a projector that has just been started."""
        return [line for line, _ in self._pending.values()]

    async def send(self, request: dict[str, str], write: Callable[[bytes], None]) -> Any:
        """Send a request and return its result.

        Raises Refused (UNAVAILABLE) if the projector ends before it has answered, Refused if the request fails.
        """
        number = next(self._numbers)
        answer: Future[Any] = get_running_loop().create_future()
        line = json.dumps({"number": number, **request}).encode() + b"\n"
        self._pending[number] = line, answer
        try:
            write(line)
            return await answer
        finally:
            del self._pending[number]

    def resolve(self, message: dict[str, Any]) -> None:
        """Hand an answer to its caller, who may have gone."""
        _, answer = self._pending.get(message["number"], (b"", None))
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(Refused(Refusal(ERROR_REASON_GENERATION_NOT_READY, message["error"])))
        else:
            answer.set_result(message["result"])

    def fail_all(self) -> None:
        """Refuse all pending requests, because the projector has ended."""
        for _, answer in self._pending.values():
            if not answer.done():
                answer.set_exception(projector_unavailable())
