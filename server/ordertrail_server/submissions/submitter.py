"""Stores submitted commands. One that is visibly wrong is refused at once instead."""

from asyncio import Future, get_running_loop
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.command_queue import OVERLOADED, UNAVAILABLE
from ordertrail_server.commands.command_refusal import request_id_reused
from ordertrail_server.commands.prepare import Caller, derive_id, prepare
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import AppendUncertain, Entry, LogUnavailable
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.submitted_command import VERBS, SubmittedCommand, read_submitted, write_submitted
from ordertrail_server.submissions.command_index import IndexedCommand
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
    ) -> tuple[list[Attempt | Refusal], dict[int, int]]:
        """Store the commands that are not refused at once.

        Returns for each one its attempt, which has its ids, or why it is refused, and {partition: the offset after the
        last command there}.
        """
        prepared = await self._slices.map(lambda command: self._prepare(command, conditions), commands)
        results = await self._refuse_at_once(prepared, conditions)
        return await self._append(results, conditions)

    def _prepare(self, command: Command | Refusal, conditions: Conditions) -> Attempt | Refusal:
        if isinstance(command, Refusal):
            return command
        request: Any = getattr(command, command.WhichOneof("verb") or "")
        answer: Future[Answer] = get_running_loop().create_future()
        attempt = prepare(request, answer, conditions.caller, self._new_id)
        if attempt.validate_only:
            return PREVIEW_ONLY
        attempt.deadline = conditions.deadline
        return attempt

    async def _refuse_at_once(
        self, prepared: Sequence[Attempt | Refusal], conditions: Conditions
    ) -> list[Attempt | Refusal]:
        """Replace the commands that would be refused now. A command behind another one of its order is not decided."""
        if not conditions.defer_decision:
            await self._catch_up({attempt.order_id for attempt in prepared if isinstance(attempt, Attempt)})
        pending: set[str] = set()
        previews = [
            None
            if isinstance(attempt, Refusal) or self._is_undecided(attempt, conditions, pending)
            else self._preview(attempt)
            for attempt in prepared
        ]
        results = list(prepared)
        for place, preview in enumerate(previews):
            if preview is not None:
                answer = preview if isinstance(preview, Refusal) else await preview.answer
                if isinstance(answer, Refusal) and answer.reason not in PASSED:
                    results[place] = answer
        return results

    async def _catch_up(self, order_ids: set[str]) -> None:
        """Learn of the commands that other servers have stored for these orders."""
        if not self._store.log.capabilities.atomic_append:
            partitions = {partition_of(order_id, self._store.log.partitions) for order_id in order_ids}
            for partition in partitions:
                await self._store.logs[partition].catch_up()

    def _is_undecided(self, attempt: Attempt, conditions: Conditions, pending: set[str]) -> bool:
        """Return whether a command is stored without a decision."""
        order_id, index = attempt.order_id, self._store.index
        if conditions.defer_decision or order_id in pending or index.has_open(order_id):
            return True
        pending.add(order_id)
        # A retry of a stored command gets its ids, whatever became of it.
        return index.find(command_id_of(attempt)) is not None

    def _preview(self, attempt: Attempt) -> Attempt | Refusal:
        preview = Attempt(
            attempt.order_id,
            attempt.request_id,
            attempt.command,
            attempt.digest,
            get_running_loop().create_future(),
            attempt.expected_version,
            validate_only=True,
            is_new_order=attempt.is_new_order,
            deadline=attempt.deadline,
        )
        try:
            self._store.handler.submit(preview)
        except Refused as refused:
            return refused.refusal
        return preview

    async def _append(
        self, results: list[Attempt | Refusal], conditions: Conditions
    ) -> tuple[list[Attempt | Refusal], dict[int, int]]:
        waits: list[tuple[int, Attempt, Future[int]]] = []
        ends: dict[int, int] = {}
        now = self._store.now()
        for place, attempt in enumerate(results):
            if isinstance(attempt, Attempt):
                stored = self._store.index.find(command_id_of(attempt))
                if stored is not None:
                    results[place] = _same_command(attempt, stored)
                    continue
                commands = self._store.logs[partition_of(attempt.order_id, self._store.log.partitions)]
                if commands.is_full:
                    results[place] = OVERLOADED
                    continue
                value = write_submitted(_submitted(attempt, conditions, now))
                waits.append((place, attempt, commands.submit(Entry(attempt.order_id, value))))
        for place, attempt, wait in waits:
            try:
                offset = await wait
            except (AppendUncertain, LogUnavailable):
                results[place] = UNAVAILABLE
                continue
            partition = partition_of(attempt.order_id, self._store.log.partitions)
            ends[partition] = max(ends.get(partition, 0), offset + 1)
            stored = self._store.index.find(command_id_of(attempt))
            results[place] = UNAVAILABLE if stored is None else _same_command(attempt, stored)
        return results, ends


def command_id_of(attempt: Attempt) -> str:
    """Return the id under which an attempt is stored: the same for every retry."""
    return derive_id(attempt.order_id, attempt.request_id)


def _submitted(attempt: Attempt, conditions: Conditions, now: int) -> SubmittedCommand:
    command: Any = Command()
    getattr(command, VERBS[attempt.command.DESCRIPTOR.full_name]).CopyFrom(attempt.command)
    return SubmittedCommand(
        command_id_of(attempt),
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
    )


def _same_command(attempt: Attempt, stored: IndexedCommand) -> Attempt | Refusal:
    """Return the attempt if the stored command with its id is the same one."""
    command = read_submitted(stored.value)
    return (
        attempt
        if command is not None and command.digest == attempt.digest
        else request_id_reused(attempt.order_id, attempt.request_id)
    )
