"""The rpcs of submitted commands."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import Any

from google.protobuf.message import Message

from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.commands.prepare import Caller
from ordertrail_server.commands.time_slices import TimeSlices
from ordertrail_server.edge.batch_elements import split_request
from ordertrail_server.edge.deadline import command_deadline, query_deadline
from ordertrail_server.edge.submission_messages import CommandMessages, add_result
from ordertrail_server.edge.validation import BATCH_BYTES, COMMAND_BYTES, parse, refusal_of, refuse_oversized, validate
from ordertrail_server.history.pages import next_page_token, page_size, read_page_start
from ordertrail_server.history.tokens import latest, offsets_of, token_of
from ordertrail_server.log.token import PageKey
from ordertrail_server.orders.refusal import Refusal, Refused, Violation
from ordertrail_server.orders.times import nanoseconds
from ordertrail_server.submissions.command_finder import CommandFinder, FoundCommand, Viewer
from ordertrail_server.submissions.command_index import State
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.submissions.submitter import Conditions, Prepared, Submitter

STATES = {
    messages.COMMAND_STATE_PENDING: State.OPEN,
    messages.COMMAND_STATE_STOPPED: State.OPEN,
    messages.COMMAND_STATE_ACCEPTED: State.ACCEPTED,
    messages.COMMAND_STATE_REFUSED: State.REFUSED,
}
OPEN_STATES = {messages.COMMAND_STATE_PENDING, messages.COMMAND_STATE_STOPPED}


class SubmissionService:
    """Stores commands, and answers questions about them."""

    def __init__(
        self, store: CommandStore, submitter: Submitter, finder: CommandFinder, command_messages: CommandMessages
    ) -> None:
        self._store, self._submitter, self._finder, self._messages = store, submitter, finder, command_messages
        self._slices = TimeSlices()

    async def submit(self, raw: bytes, caller: Caller, time_remaining: float | None) -> bytes:
        """Store the commands of a serialized request. Raises Refused if the only one is refused."""
        commands, request = _split(raw)
        await self._store.wait_ready(query_deadline(time_remaining))
        not_before = nanoseconds(request.not_before) if request.HasField("not_before") else None
        deadline = command_deadline(time_remaining)
        conditions = Conditions(request.defer_decision, not_before, caller, deadline)
        parsed = await self._slices.map(_parse_command, commands)
        results, ends = await self._submitter.submit(parsed, conditions)
        if len(results) == 1 and isinstance(results[0], Refusal):
            raise Refused(results[0])
        return await self._response(results, ends)

    async def _response(self, results: Sequence[Prepared | Refusal], ends: dict[int, int]) -> bytes:
        response = messages.SubmitCommandResponse()
        await self._slices.map(lambda result: add_result(response, result), results)
        offsets = tuple(ends.get(partition, 0) for partition in range(self._store.log.partitions))
        response.consistency_token = token_of(self._store.log.identity, offsets)
        return response.SerializeToString()

    async def GetCommand(  # noqa: N802
        self, request: messages.GetCommandRequest, viewer: Viewer, time_remaining: float | None
    ) -> bytes:
        """Return a command."""
        await self._wait_fresh(request.at_least_as_fresh, time_remaining)
        return await self._answer(messages.GetCommandResponse, self._finder.find(request.command_id, viewer))

    async def WatchCommand(  # noqa: N802
        self, request: messages.WatchCommandRequest, viewer: Viewer, time_remaining: float | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the states of a command."""
        await self._wait_fresh(request.at_least_as_fresh, time_remaining)
        async with aclosing(self._finder.watch(request.command_id, viewer)) as states:
            async for state in states:
                yield await self._answer(messages.WatchCommandResponse, state)

    async def ListCommands(  # noqa: N802
        self, request: messages.ListCommandsRequest, viewer: Viewer, time_remaining: float | None
    ) -> bytes:
        """Return a page of commands."""
        await self._wait_fresh(request.at_least_as_fresh, time_remaining)
        start = read_page_start(request, self._store.log.lineage)
        after = -1 if start is None else start.last_number
        states = sorted({STATES[state] for state in request.states} or set(State))
        open_states = OPEN_STATES & set(request.states)
        is_stopped = messages.COMMAND_STATE_STOPPED in open_states if len(open_states) == 1 else None
        commands, next_after = await self._finder.page(
            viewer, request.order_id, states, is_stopped, after, page_size(request)
        )
        response = messages.ListCommandsResponse()
        for command in commands:
            response.commands.append(await self._messages.build(command, has_event=False))
        if next_after is not None:
            log_id = self._store.log.identity
            key = PageKey(next_after, consistency_token=token_of(log_id, self._store.positions))
            response.next_page_token = next_page_token(request, log_id, key)
        return response.SerializeToString()

    async def RetryCommand(  # noqa: N802
        self, request: messages.RetryCommandRequest, viewer: Viewer, time_remaining: float | None
    ) -> bytes:
        """Have a stopped command decided again."""
        await self._store.wait_ready(query_deadline(time_remaining))
        return await self._answer(messages.RetryCommandResponse, self._finder.retry(request.command_id, viewer))

    async def RejectCommand(  # noqa: N802
        self, request: messages.RejectCommandRequest, viewer: Viewer, time_remaining: float | None
    ) -> bytes:
        """Refuse a command that has no outcome."""
        await self._store.wait_ready(query_deadline(time_remaining))
        deadline = command_deadline(time_remaining)
        command = await self._finder.reject(request.command_id, viewer, request.reason, deadline)
        return await self._answer(messages.RejectCommandResponse, command)

    def refuse_damage(self) -> AbstractContextManager[None]:
        """Refuse a call that finds the index damaged."""
        return self._store.refuse_damage()

    def drain(self) -> None:
        """End all watches."""
        self._store.watchers.drain()

    async def _wait_fresh(self, tokens: Sequence[str], time_remaining: float | None) -> None:
        log, deadline = self._store.log, query_deadline(time_remaining)
        offsets = [offsets_of(token, f"at_least_as_fresh[{place}]", log.lineage) for place, token in enumerate(tokens)]
        await self._store.wait_reached(latest([(0,) * log.partitions, *offsets]), deadline)

    async def _answer(self, response: type[Message], command: FoundCommand) -> bytes:
        answer: Any = response()
        answer.command.CopyFrom(await self._messages.build(command, has_event=True))
        return bytes(answer.SerializeToString())


def _split(raw: bytes) -> tuple[list[bytes], messages.SubmitCommandRequest]:
    """Return the commands of a request as bytes, and the request without them. Raises Refused."""
    refuse_oversized(raw, BATCH_BYTES)
    commands, conditions = split_request(messages.SubmitCommandRequest, raw)
    if not commands:
        raise Refused(refusal_of([Violation("commands", "must contain at least 1 item(s)", "repeated.min_items")]))
    return commands, parse(messages.SubmitCommandRequest, conditions, COMMAND_BYTES)


def _parse_command(raw: bytes) -> Command | Refusal:
    try:
        command = parse(Command, raw, COMMAND_BYTES)
        validate(command)
    except Refused as refused:
        return refused.refusal
    return command
