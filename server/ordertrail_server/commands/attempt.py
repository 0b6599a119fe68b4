"""An attempt of a caller to execute a command, and the answers to it."""

from asyncio import Future
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from ordertrail_server.access.scope import Scope
from ordertrail_server.commands.plan_times import PlanTimes
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.decide import Command
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.reading import Reading


class Accepted(NamedTuple):
    """The command led to `fact`.

    `replayed` is true if an earlier attempt led to it. `record` is (reading, stored bytes) if the writer still has
    them, None if the record must be read from the log.
    """

    fact: Link
    replayed: bool
    record: tuple[Reading, bytes] | None


class Preview(NamedTuple):
    """The event that a command with validate_only would lead to."""

    reading: Reading


class RecordedRefusal(NamedTuple):
    """The log holds a refusal of the command; every call with its request id gets it."""

    link: Link


Answer = Accepted | Preview | Refusal


@dataclass(slots=True, eq=False)
class Attempt:
    """One command of one caller, waiting for its answer.

    `scope` are the customers on whose orders the caller may run it. `digest` is the command's digest. `chunk` is the
    stored form of the event if the command brings its own (an imported statement). `is_batched` is true if the command
    came in a batch. `is_new_order` is true if the server has just generated the order id, so no log can hold the order.
    `is_submitted` is true for a submitted command, whose refusal is recorded: on an order outside the scope
    with `private_request_id`, if there is one, so that it takes no request id from the order's customer. `rejection` is
    the refusal if an operator rejected it. `appended_digest` is that of the record last appended for the attempt.
    `deadline` is the moment, by the monotonic clock, at which the attempt is answered UNAVAILABLE.
    `plan_times` are those of the last plan with it.
    """

    order_id: str
    request_id: str
    command: Command
    digest: bytes
    answer: Future[Answer]
    scope: Scope
    expected_version: int | None = None
    validate_only: bool = False
    actor: str = ""
    on_behalf_of: str = ""
    traceparent: str = ""
    origin: str = ""
    chunk: bytes = b""
    is_new_order: bool = False
    is_batched: bool = False
    is_submitted: bool = False
    private_request_id: str = ""
    rejection: Refusal | None = None
    appended_digest: bytes = b""
    deadline: float = inf
    plan_times: PlanTimes | None = None
