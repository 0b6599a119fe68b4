"""Stores submitted commands. One that is visibly wrong is refused at once instead."""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from functools import lru_cache
from json import dumps
from typing import Any, NamedTuple

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.access.scope import Scope
from ordertrail_server.commands.attempt import Attempt
from ordertrail_server.commands.command_queue import OVERLOADED, UNAVAILABLE
from ordertrail_server.commands.command_refusal import request_id_reused
from ordertrail_server.commands.prepare import Caller, derive_id, prepare
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import AppendUncertain, LogUnavailable
from ordertrail_server.log.position import LogPosition
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.submitted_command import SubmittedCommand, read_submitted, write_submitted
from ordertrail_server.submissions.command_index import IndexedCommand
from ordertrail_server.submissions.command_log import CommandLog
from ordertrail_server.submissions.command_store import CommandStore

PREVIEW_ONLY = Refusal(
    reasons.ERROR_REASON_INVALID_REQUEST,
    "A command with validate_only is not stored; send it to its own rpc, or without validate_only.",
    where="commands.validate_only",
)
PASSED = (reasons.ERROR_REASON_ORDER_PARKED,)
"""The refusals that a command may outlive, so that it is stored in spite of them."""


class Conditions(NamedTuple):
    """How the commands of one submission are stored and decided. `not_before` is in nanoseconds since 1970."""

    defer_decision: bool
    not_before: int | None
    caller: Caller
    deadline: float


class Submitter:
    """Stores submissions. `new_id` returns ids for requests without one."""

    def __init__(self, store: CommandStore, new_id: Callable[[], str]) -> None:
        self._store, self._new_id, self._slices = store, new_id, TimeSlices()

    async def submit(
        self, commands: Sequence[Command | Refusal], conditions: Conditions
    ) -> "tuple[list[Result], dict[int, int]]":
        """Store the commands that are not refused at once.

        Returns for each one the prepared command, which has its ids, or why it is refused, and {partition: the offset
        after the last command there}. Raises LogUnavailable.
        """
        now = self._store.now()
        prepared = await self._slices.map(lambda command: self._prepare(command, conditions), commands)
        results = prepared if conditions.defer_decision else await self._refuse_at_once(prepared)
        submissions = await self._slices.map(lambda result: self._queue(result, conditions, now), results)
        return await self._collect(submissions)

    def _prepare(self, command: Command | Refusal, conditions: Conditions) -> "Prepared | Refusal":
        if isinstance(command, Refusal):
            return command
        request: Any = getattr(command, command.WhichOneof("verb") or "")
        try:
            attempt = prepare(request, get_running_loop().create_future(), conditions.caller, self._new_id)
        except Refused as refused:
            return refused.refusal
        if attempt.validate_only:
            return PREVIEW_ONLY
        attempt.deadline = conditions.deadline
        return Prepared(attempt, command, command_id_of(attempt))

    async def _refuse_at_once(self, prepared: Sequence["Prepared | Refusal"]) -> list["Prepared | Refusal"]:
        """Replace the commands that would be refused now. A command behind another one of its order is not decided."""
        orders = [element.attempt.order_id for element in prepared if isinstance(element, Prepared)]
        if not self._store.log.capabilities.atomic_append:
            await self._catch_up(orders)
        pending: set[str] = set()

        def is_decided_now(element: Prepared | Refusal) -> bool:
            if isinstance(element, Refusal) or element.attempt.order_id in pending:
                return False
            pending.add(element.attempt.order_id)
            return not self._waits(element)

        decided = await self._slices.map(is_decided_now, prepared)
        refusals = [
            await self._preview(element.attempt) if is_decided and isinstance(element, Prepared) else None
            for element, is_decided in zip(prepared, decided, strict=True)
        ]
        return [refusal or element for element, refusal in zip(prepared, refusals, strict=True)]

    async def _catch_up(self, order_ids: Sequence[str]) -> None:
        """Learn of the commands that other servers have stored for these orders."""
        for partition in {partition_of(order_id, self._store.log.partitions) for order_id in order_ids}:
            await self._store.logs[partition].catch_up()

    def _waits(self, element: "Prepared") -> bool:
        """Return whether a command waits behind another one of its order, or is stored already."""
        if element.attempt.is_new_order:
            return False
        tail = self._log_of(element.attempt).tail
        if tail.find(element.command_id) is not None:
            return True
        return tail.has_open(element.attempt.order_id) and not self._is_hidden(element.attempt)

    def _is_hidden(self, attempt: Attempt) -> bool:
        customer_id = self._store.handler.customer_of(attempt.order_id)
        return customer_id is not None and not attempt.scope.includes(customer_id)

    async def _preview(self, attempt: Attempt) -> Refusal | None:
        """Return why a command would be refused now."""
        refusal = self._store.handler.preview(attempt)
        if refusal is None or attempt.is_new_order or self._store.log.capabilities.atomic_append:
            return refusal
        # Other servers may have changed the order meanwhile. The writer refuses on its current state only.
        question = preview_of(attempt)
        self._store.handler.submit(question)
        answer = await question.answer
        return answer if isinstance(answer, Refusal) and answer.reason not in PASSED else None

    def _queue(self, element: "Prepared | Refusal", conditions: Conditions, now: int) -> "Refusal | Submission":
        if isinstance(element, Refusal):
            return element
        commands = self._log_of(element.attempt)
        if commands.is_full:
            return OVERLOADED
        command = _submitted(element, conditions, now)
        value = write_submitted(command)
        return Submission(element, value, commands.submit(command, value))

    async def _collect(self, submissions: "Sequence[Refusal | Submission]") -> "tuple[list[Result], dict[int, int]]":
        results, ends = list[Result](), dict[int, int]()
        for submission in submissions:
            if isinstance(submission, Refusal):
                results.append(self._refuse(submission))
                continue
            try:
                stored = await submission.stored
            except (AppendUncertain, LogUnavailable):
                results.append(self._refuse(UNAVAILABLE))
                continue
            partition, offset = LogPosition.unpack(stored.position)
            ends[partition] = max(ends.get(partition, 0), offset + 1)
            results.append(self._accept(submission, stored))
        return results, ends

    def _refuse(self, refusal: Refusal) -> Refusal:
        if self._store.observer is not None:
            self._store.observer.note_refused(refusal)
        return refusal

    def _accept(self, submission: "Submission", stored: IndexedCommand) -> "Result":
        """Return the prepared command, or the refusal if the stored command with its id is another one."""
        attempt, is_repeated = submission.prepared.attempt, stored.value is not submission.value
        if is_repeated:
            command = read_submitted(stored.value)
            if command is None or command.digest != attempt.digest:
                return self._refuse(request_id_reused(attempt.order_id, attempt.request_id))
        if self._store.observer is not None:
            self._store.observer.note_stored(is_repeated=is_repeated)
        return submission.prepared

    def _log_of(self, attempt: Attempt) -> CommandLog:
        return self._store.logs[partition_of(attempt.order_id, self._store.log.partitions)]


class Prepared(NamedTuple):
    """A command to be stored: its attempt, the message that holds the attempt's verb, and its id."""

    attempt: Attempt
    command: Command
    command_id: str


Result = Prepared | Refusal


class Submission(NamedTuple):
    """A command that is being stored: its serialized form, and the future command with its id."""

    prepared: Prepared
    value: bytes
    stored: "Future[IndexedCommand]"


def preview_of(attempt: Attempt) -> Attempt:
    """Return an attempt that asks the writer what the command would lead to now."""
    return Attempt(
        attempt.order_id,
        attempt.request_id,
        attempt.command,
        attempt.digest,
        get_running_loop().create_future(),
        attempt.scope,
        attempt.expected_version,
        validate_only=True,
        deadline=attempt.deadline,
    )


def command_id_of(attempt: Attempt) -> str:
    """Return the id under which an attempt is stored: the same for every retry.

    Callers with other customers get other ids, so that none meets a command of another one.
    """
    return derive_id(attempt.order_id + _describe_scope(attempt.scope), attempt.request_id)


@lru_cache(1_000)
def _describe_scope(scope: Scope) -> str:
    if scope.is_unbounded:
        return ""
    return "\0" + dumps([sorted(scope.customer_ids), sorted(scope.prefixes)])  # no order id has a control character


def _submitted(element: Prepared, conditions: Conditions, now: int) -> SubmittedCommand:
    attempt, command, command_id = element
    return SubmittedCommand(
        command_id,
        attempt.order_id,
        attempt.request_id,
        attempt.digest,
        now,
        conditions.not_before,
        attempt.actor,
        attempt.traceparent,
        attempt.expected_version,
        command,
        "",
        on_behalf_of=attempt.on_behalf_of,
        scope=attempt.scope,
    )
