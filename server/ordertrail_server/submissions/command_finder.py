"""Finds submitted commands and their outcomes."""

from asyncio import timeout
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import NamedTuple

from ordertrail.v1 import error_reason_pb2 as reasons
from ordertrail_server.access.scope import Scope
from ordertrail_server.commands.command_queue import UNAVAILABLE
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.facts.link import Link
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.schema.submitted_command import SubmittedCommand, read_submitted
from ordertrail_server.submissions.command_index import State
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.submissions.outcome import find_outcome, is_repeated
from ordertrail_server.submissions.processor import attempt_of, state_of

MANY = 1_000
"""The most rows that one page of a list visits."""

LOOK_S = 1.0
"""The pause after which the outcome of a watched command is looked for: a call may decide it before it is due."""

PAGE_BYTES = 1 << 20
"""The most bytes of stored commands in one page, if it has more than one."""


class FoundCommand(NamedTuple):
    """A stored command at a packed position of its log.

    `link` is the link with its request id, None while there is none. If the state is REFUSED and the link no refusal of
    this command, its request id was used for another command. `stop_reason` is why the command is stopped, if it is.
    """

    position: int
    command: SubmittedCommand
    state: State
    link: Link | None
    stop_reason: str


class Viewer(NamedTuple):
    """Who asks for commands: the customers whose commands the caller may see, and its name as an actor."""

    scope: Scope
    actor: str


class CommandFinder:
    """Answers from the index, and from the links of the log of events."""

    def __init__(self, store: CommandStore) -> None:
        self._store, self._slices = store, TimeSlices()

    def find(self, command_id: str, viewer: Viewer) -> FoundCommand:
        """Return a command by its id. Raises Refused if there is none that the viewer may see."""
        stored = self._store.find(command_id)
        command = None if stored is None else self._resolve(*stored)
        if command is None or not self._is_visible(command, viewer):
            message = f"The server knows no command {command_id}."
            raise Refused(Refusal(reasons.ERROR_REASON_COMMAND_NOT_FOUND, message))
        return command

    def _is_visible(self, command: FoundCommand, viewer: Viewer) -> bool:
        """Return whether the command concerns a customer in the scope: that of its order, or of the order to be placed.

        A command on an order that is absent, or hidden from its sender, concerns its sender only.
        """
        stored, scope = command.command, viewer.scope
        if scope.is_unbounded:
            return True
        if stored.command.HasField("place_order"):
            return scope.includes(stored.command.place_order.customer_id)
        customer_id = self._store.handler.customer_of(stored.order_id)
        if customer_id is not None and stored.scope.includes(customer_id):
            return scope.includes(customer_id)
        return bool(viewer.actor) and stored.actor == viewer.actor

    async def watch(self, command_id: str, viewer: Viewer) -> AsyncGenerator[FoundCommand, None]:
        """Yield a command at once, and then whenever its state changes, until it has an outcome or the server stops."""
        event, latest = self._store.watchers.add(command_id), None
        try:
            while True:
                event.clear()
                command = self.find(command_id, viewer)
                if command != latest:
                    yield command
                latest = command
                if command.state is not State.OPEN or self._store.watchers.draining:
                    return
                with suppress(TimeoutError):
                    async with timeout(LOOK_S):
                        await event.wait()
        finally:
            self._store.watchers.remove(command_id, event)

    async def page(
        self,
        viewer: Viewer,
        order_id: str,
        states: Sequence[State],
        is_stopped: bool | None,
        after: int,
        size: int,
    ) -> tuple[list[FoundCommand], int | None]:
        """Return the next commands after a packed position, and the last position that was visited, None at the end.

        Only those that the viewer may see, of the order, unless its id is empty, in any of the states. Of open ones
        only those that are stopped or are not, unless `is_stopped` is None.
        """
        await self._store.flush()
        positions = self._store.index.page(order_id, states, after, MANY)
        commands: list[FoundCommand] = []
        page_bytes = 0

        def visit(position: int) -> None:
            nonlocal page_bytes
            value = self._store.index.value_at(position)
            command = self._resolve(position, value)
            is_hidden = command.state is State.OPEN and is_stopped not in (None, bool(command.stop_reason))
            if command.state in states and not is_hidden and self._is_visible(command, viewer):
                commands.append(command)
                page_bytes += len(value)

        visited = await self._slices.map(visit, positions, lambda: len(commands) >= size or page_bytes > PAGE_BYTES)
        is_last = len(visited) == len(positions) < MANY and len(commands) <= size
        if is_last:
            return commands, None
        return commands[:size], commands[size - 1].position if len(commands) > size else positions[len(visited) - 1]

    def retry(self, command_id: str, viewer: Viewer) -> FoundCommand:
        """Have a stopped command decided again. Raises Refused if there is no such command."""
        self._store.processor_of(self.find(command_id, viewer).position).release(command_id)
        return self.find(command_id, viewer)

    async def reject(self, command_id: str, viewer: Viewer, reason: str, deadline: float) -> FoundCommand:
        """Refuse a command that has no outcome. Raises Refused if there is no such command, or it cannot be refused."""
        command = self.find(command_id, viewer)
        if command.state is State.OPEN:
            message = f"An operator rejected the command: {reason}"
            rejection = Refusal(reasons.ERROR_REASON_COMMAND_REJECTED, message, command.command.order_id)
            attempt = attempt_of(command.command, rejection)
            attempt.deadline = deadline
            self._store.handler.submit(attempt)
            answer = await attempt.answer
            rejected = self.find(command_id, viewer)
            if rejected.link is None:  # the order is parked, or the log cannot be reached
                raise Refused(answer if isinstance(answer, Refusal) else UNAVAILABLE)
            self._store.processor_of(command.position).release(command_id)
            self._store.processor_of(command.position).note_rejected(command.position, command_id)
            if self._store.observer is not None:
                repeated = is_repeated(rejected.link, command.command, attempt)
                self._store.observer.note_outcome(answer, is_repeated=repeated)
        return self.find(command_id, viewer)

    def _resolve(self, position: int, value: bytes) -> FoundCommand:
        command = read_submitted(value)
        assert command is not None, "the index holds submitted commands only"
        link = find_outcome(self._store.handler, command)
        if link is not None:
            return FoundCommand(position, command, state_of(link, command), link, "")
        stopped = self._store.processor_of(position).stopped.get(command.command_id)
        return FoundCommand(position, command, State.OPEN, None, stopped[1] if stopped else "")
