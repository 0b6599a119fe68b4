"""The methods of the client that submit commands, which the server stores durably and decides later."""
# ruff: noqa: ASYNC109  (a deadline travels to the server with its call; asyncio.timeout would stay here)

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.command_watch import watch_command
from ordertrail.commands import Request, as_command
from ordertrail.errors import from_rpc_error
from ordertrail.query_methods import QueryMethods
from ordertrail.v1.commands_pb2 import Command
from ordertrail.v1.submitted_commands_pb2 import (
    GetCommandRequest,
    ListCommandsRequest,
    RejectCommandRequest,
    RetryCommandRequest,
    SubmitCommandRequest,
    SubmitCommandResponse,
    SubmittedCommand,
    WatchCommandRequest,
)
from ordertrail.values import moment

if TYPE_CHECKING:
    from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceAsyncStub
    from ordertrail.v1.submitted_commands_pb2 import CommandState

__all__ = ["SubmissionMethods"]


class SubmissionMethods(QueryMethods):
    """The methods of submitted commands. `timeout` is per call, in seconds.

    Tokens of submissions in `at_least_as_fresh` make a query wait until its server knows these commands.
    """

    commands: "OrderCommandServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]

    async def submit(
        self,
        *commands: Request | Command,
        defer_decision: bool = False,
        not_before: datetime | Timestamp | None = None,
        timeout: float | None = None,
    ) -> SubmitCommandResponse:
        """Store commands durably, in this sequence, and return one result for each, and a token.

        A command without a request id gets one, so that submitting it again is a retry. A result holds the ids of a
        stored command, or a status for `ordertrail.errors.from_status`; the only command of a call that is refused
        raises its error. `defer_decision` stores commands without a decision on the present state of their orders.
        """
        request = SubmitCommandRequest(
            commands=[as_command(command) for command in commands],
            defer_decision=defer_decision,
            not_before=moment(not_before) if isinstance(not_before, datetime) else not_before,
        )
        seconds = self.timeout if timeout is None else timeout
        try:
            return await self.commands.SubmitCommand(request, timeout=seconds, metadata=self.metadata)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None

    async def get_command(
        self, command_id: str, *, at_least_as_fresh: Iterable[str] = (), timeout: float | None = None
    ) -> SubmittedCommand:
        """Return a submitted command, with its outcome once it has one. Raises NotFound if the server knows none."""
        request = GetCommandRequest(command_id=command_id, at_least_as_fresh=at_least_as_fresh)
        return (await self._call(self.commands.GetCommand, request, timeout)).command

    async def watch_command(
        self,
        command_id: str,
        *,
        at_least_as_fresh: Iterable[str] = (),
        silence: float = 60.0,
        patience: float = 60.0,
    ) -> AsyncGenerator[SubmittedCommand, None]:
        """Yield a submitted command as it is, and again whenever it has changed; end with its outcome.

        A stopped or lost server does not end it. Without an answer for `silence` seconds the command is watched again.
        Raises NotFound, and Unavailable when attempts have failed for `patience` seconds.
        """
        request = WatchCommandRequest(command_id=command_id, at_least_as_fresh=at_least_as_fresh)
        async with aclosing(watch_command(self.commands, request, silence=silence, patience=patience)) as states:
            async for command in states:
                yield command

    async def list_commands(
        self,
        *,
        order_id: str = "",
        states: "Iterable[CommandState.ValueType]" = (),
        page_size: int = 0,
        at_least_as_fresh: Iterable[str] = (),
        timeout: float | None = None,
    ) -> AsyncGenerator[SubmittedCommand, None]:
        """Yield the submitted commands of one order or of all, in any of the states, in the sequence of their log.

        Without `states`, commands of every state. Pages are fetched when they are needed.
        """
        request = ListCommandsRequest(
            order_id=order_id, states=states, page_size=page_size, at_least_as_fresh=at_least_as_fresh
        )
        async for page in self._pages(self.commands.ListCommands, request, timeout):
            for command in page.commands:
                yield command

    async def retry_command(self, command_id: str, *, timeout: float | None = None) -> SubmittedCommand:
        """Have a stopped command decided again, and return it as it is then. Raises NotFound."""
        request = RetryCommandRequest(command_id=command_id)
        return (await self._call(self.commands.RetryCommand, request, timeout)).command

    async def reject_command(self, command_id: str, reason: str, *, timeout: float | None = None) -> SubmittedCommand:
        """Refuse a command that has no outcome, and return it with its outcome, which may be an earlier one.

        Raises NotFound, and Unavailable if its order is parked.
        """
        request = RejectCommandRequest(command_id=command_id, reason=reason)
        return (await self._call(self.commands.RejectCommand, request, timeout)).command
