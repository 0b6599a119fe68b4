"""OrderCommandService: one rpc per verb, and batches of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from google.protobuf.message import Message

from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsResponse
from ordertrail_server.commands.attempt import Answer, Attempt
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.edge.batch_work import BatchWork
from ordertrail_server.edge.deadline import command_deadline
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.edge.validation import COMMAND_BYTES, parse, validate
from ordertrail_server.orders.refusal import Refusal, Refused


class CommandService:
    """Passes commands to the write side and returns receipts."""

    def __init__(
        self, handler: CommandHandler, receipts: Receipts, new_id: Callable[[], str], batch_work: BatchWork
    ) -> None:
        self._handler, self._receipts, self._new_id, self._batch_work = handler, receipts, new_id, batch_work

    async def execute(self, request: Message, caller: Caller, time_remaining: float | None = None) -> bytes:
        """Handle one valid command; returns the serialized receipt, with the event. Raises Refused.

        `time_remaining` is the time until the call's deadline, in seconds, None if it has none.
        """
        deadline = command_deadline(time_remaining)
        if not self._handler.is_ready:
            await self._handler.wait_ready(deadline)
        attempt = self._prepare(request, caller, deadline)
        self._handler.submit(attempt)
        return await self._receipts.wait_for_receipt(attempt)

    async def execute_batches(
        self, batches: AsyncIterator[list[bytes]], caller: Caller, time_remaining: float | None = None
    ) -> AsyncIterator[ExecuteCommandsResponse]:
        """Handle batches of serialized commands one after another; a refused command does not stop the others."""
        deadline = command_deadline(time_remaining)
        async for batch in batches:
            prepare_one = partial(self._prepare_one, caller, deadline)
            response = ExecuteCommandsResponse()
            await self._batch_work.run(batch, prepare_one, partial(self._add_result, response))
            yield response

    def _prepare(self, request: Message, caller: Caller, deadline: float) -> Attempt:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        attempt = prepare(request, answer, caller, self._new_id)
        attempt.deadline = deadline
        return attempt

    def _prepare_one(self, caller: Caller, deadline: float, raw: bytes) -> Attempt | Refusal:
        try:
            command = parse(Command, raw, COMMAND_BYTES)
            validate(command)
            return self._prepare(getattr(command, command.WhichOneof("verb") or ""), caller, deadline)
        except Refused as refused:
            return refused.refusal

    def _add_result(self, response: ExecuteCommandsResponse, submitted: Attempt | Refusal) -> None:
        result = response.results.add()
        refusal = self._receipts.fill_slim(result.receipt, submitted)
        if refusal is not None:
            result.status.CopyFrom(status_of(refusal))
