"""Builds the contract's messages about submitted commands."""

from ordertrail.v1 import submitted_commands_pb2 as messages
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.commands.attempt import Accepted
from ordertrail_server.commands.command_refusal import request_id_reused
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.refusal_status import status_of
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.orders.times import moment
from ordertrail_server.schema.submitted_command import SubmittedCommand
from ordertrail_server.submissions.command_finder import FoundCommand
from ordertrail_server.submissions.command_index import State
from ordertrail_server.submissions.submitter import Prepared

_STATES = {
    State.OPEN: messages.COMMAND_STATE_PENDING,
    State.ACCEPTED: messages.COMMAND_STATE_ACCEPTED,
    State.REFUSED: messages.COMMAND_STATE_REFUSED,
}


class CommandMessages:
    """Builds messages of stored commands, with receipts and refusals from the log of events."""

    def __init__(self, handler: CommandHandler, receipts: Receipts) -> None:
        self._handler, self._receipts = handler, receipts

    async def build(self, found_command: FoundCommand, *, has_event: bool) -> messages.SubmittedCommand:
        """Return the message of a command; its receipt has the event if `has_event` is true."""
        command = found_command.command
        message = messages.SubmittedCommand(
            command_id=command.command_id,
            order_id=command.order_id,
            request_id=command.request_id,
            command=command.command,
            state=messages.COMMAND_STATE_STOPPED if found_command.stop_reason else _STATES[found_command.state],
            submit_time=moment(command.submit_time),
            not_before=None if command.not_before is None else moment(command.not_before),
            actor=command.actor,
            on_behalf_of=command.on_behalf_of,
            expected_version=command.expected_version,
            stop_reason=found_command.stop_reason,
        )
        link = found_command.link
        if link is None:
            return message
        if found_command.state is State.ACCEPTED:
            accepted = Accepted(link, replayed=True, record=None)
            await self._add_receipt(message.receipt, command, accepted, has_event=has_event)
        elif link.command_digest != command.digest:
            message.refusal.CopyFrom(status_of(request_id_reused(command.order_id, command.request_id)))
        else:
            message.refusal.CopyFrom(await self._handler.read_refusal(command.order_id, link))
        return message

    async def _add_receipt(
        self, receipt: Receipt, command: SubmittedCommand, accepted: Accepted, *, has_event: bool
    ) -> None:
        if has_event:
            receipt.MergeFromString(await self._receipts.build(command.order_id, command.request_id, accepted))
        else:
            self._receipts.fill(receipt, command.order_id, command.request_id, accepted)


def add_result(response: messages.SubmitCommandResponse, result: Prepared | Refusal) -> None:
    """Add the result of one command of a submission."""
    message = response.results.add()
    if isinstance(result, Refusal):
        message.status.CopyFrom(status_of(result))
        return
    submission = message.submission
    submission.command_id, submission.order_id = result.command_id, result.attempt.order_id
    submission.request_id = result.attempt.request_id
