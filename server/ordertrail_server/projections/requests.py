"""What the server asks of its projector while that runs, as lines on its stdin, and what it answers, on its stdout.

A retry of a parked order: {"number": 7, "retry": "order-1"}; the answer: {"number": 7, "taken_in": 3}, or null for an
order that is not parked. An empty line asks for nothing: it only says that the log has grown.
"""

import json
from asyncio import Future, get_running_loop
from collections.abc import Callable
from itertools import count
from typing import Any

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAVAILABLE
from ordertrail_server.orders.refusal import Refusal, Refused

NUDGE = b"\n"


def away() -> Refused:
    """Return what is told to those whose request has no answer: it may or may not have been done."""
    return Refused(Refusal(ERROR_REASON_UNAVAILABLE, "The projector does not run for now; try again shortly."))


class Requests:
    """The requests to one projector that have no answer yet. Of one event loop."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._pending: dict[int, Future[int | None]] = {}

    async def retry(self, order_id: str, write: Callable[[bytes], None]) -> int | None:
        """Ask for a retry; returns how many waiting facts were taken in, None if the order is not parked.

        Raises Refused (UNAVAILABLE) if the projector ends before it has answered.
        """
        number = next(self._numbers)
        answer: Future[int | None] = get_running_loop().create_future()
        self._pending[number] = answer
        try:
            write(json.dumps({"number": number, "retry": order_id}).encode() + b"\n")
            return await answer
        finally:
            del self._pending[number]

    def answered(self, answer_line: dict[str, Any]) -> None:
        """Pass an answer on; whoever asked may have gone."""
        answer = self._pending.get(answer_line["number"])
        if answer is not None and not answer.done():
            answer.set_result(answer_line["taken_in"])

    def ended(self) -> None:
        """The projector has ended: nobody will answer."""
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(away())
