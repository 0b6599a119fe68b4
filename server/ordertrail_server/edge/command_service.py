"""OrderCommandService: one rpc per verb, and batches of them."""

import asyncio
from collections.abc import AsyncIterator, Callable

from google.protobuf.message import Message
from ordertrail.v1.commands_pb2 import (
    Command,
    CommandResult,
    ExecuteCommandsRequest,
    ExecuteCommandsResponse,
)
from ordertrail.v1.receipt_pb2 import Receipt

from ordertrail_server.commands.attempt import Accepted, Answer, Attempt, Preview
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.edge.status import status_of
from ordertrail_server.edge.validation import validate
from ordertrail_server.orders.refusal import Refusal, Refused


class CommandService:
    """Hands commands to the write side and answers with receipts."""

    def __init__(self, handler: CommandHandler, receipts: Receipts, new_id: Callable[[], str]) -> None:
        self._handler, self._receipts, self._new_id = handler, receipts, new_id

    async def execute(self, request: Message, caller: Caller) -> Receipt:
        """Handle one valid command; returns the full receipt. Raises Refused."""
        attempt = self._prepare(request, caller)
        self._handler.submit(attempt)
        answer = await attempt.answer
        if isinstance(answer, Refusal):
            raise Refused(answer)
        if isinstance(answer, Preview):
            return self._receipts.preview(attempt, answer)
        return await self._receipts.full(attempt, answer)

    async def execute_batches(
        self, batches: AsyncIterator[ExecuteCommandsRequest], caller: Caller
    ) -> AsyncIterator[ExecuteCommandsResponse]:
        """Handle batches one after another; a refused command stops nothing."""
        async for batch in batches:
            submitted = [await self._submit(command, caller) for command in batch.commands]
            results = [await self._result(outcome) for outcome in submitted]
            yield ExecuteCommandsResponse(results=results)

    def _prepare(self, request: Message, caller: Caller) -> Attempt:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        return prepare(request, answer, caller, self._new_id)

    async def _submit(self, command: Command, caller: Caller) -> Attempt | Refusal:
        try:
            validate(command)
            attempt = self._prepare(getattr(command, command.WhichOneof("verb") or ""), caller)
            await self._handler.submit_in_turn(attempt)
        except Refused as refused:
            return refused.refusal
        return attempt

    async def _result(self, submitted: Attempt | Refusal) -> CommandResult:
        answer = submitted if isinstance(submitted, Refusal) else await submitted.answer
        if isinstance(answer, Accepted) and isinstance(submitted, Attempt):
            return CommandResult(receipt=self._receipts.slim(submitted, answer))
        if isinstance(answer, Preview) and isinstance(submitted, Attempt):
            return CommandResult(receipt=self._receipts.preview(submitted, answer))
        return CommandResult(status=status_of(answer))
