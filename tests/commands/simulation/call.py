"""A call of a simulated caller, and when it was sent and answered."""

from asyncio import Future
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from ordertrail_server.commands.attempt import Answer, Attempt


@dataclass(eq=False, repr=False)
class Call:
    """One call: its request, its attempt, and the log's ends when it was sent and when it was answered."""

    number: int
    server: int
    request: Any
    attempt: Attempt
    end_at_call: int
    end_at_answer: int = -1

    def __repr__(self) -> str:
        request = f"{type(self.request).__name__}({self.attempt.order_id}, {self.attempt.request_id})"
        ends = f"[{self.end_at_call}, {self.end_at_answer}]"
        return f"call {self.number} of server {self.server}, {request}, {ends}, {self.answer}"

    @property
    def is_waiting(self) -> bool:
        return not self.attempt.answer.done()

    def cancel(self) -> None:
        """Cancel the call, because its caller timed out or its server crashed."""
        self.attempt.answer.cancel()

    @property
    def actor(self) -> str:
        """The actor in the call's records."""
        return f"call-{self.number}"

    @property
    def command_key(self) -> Hashable:
        """The key of the command. Calls with the same key are retries, or reuse the request id of another command."""
        if not self.request.order_id and self.request.request_id:
            return self.request.customer_id, self.request.request_id
        return "order", self.attempt.order_id, self.attempt.request_id

    @property
    def answer(self) -> Answer | None:
        """The answer, None if there is none yet or if the call was cancelled."""
        future: Future[Answer] = self.attempt.answer
        return future.result() if future.done() and not future.cancelled() else None
