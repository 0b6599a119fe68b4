"""Turns answers of the write side into receipts of the contract."""

from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.commands.attempt import Accepted, Attempt, Preview
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.log.port import Log
from ordertrail_server.log.token import TokenWriter
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import bytes_tag, chunk

EVENT = bytes_tag(Receipt.DESCRIPTOR.fields_by_name["event"].number)


class Receipts:
    """Creates receipts of facts of one log."""

    def __init__(self, log: Log, handler: CommandHandler) -> None:
        self._log, self._handler, self._tokens = log, handler, TokenWriter(log.identity)

    def fill_slim(self, receipt: Receipt, submitted: Attempt | Refusal) -> Refusal | None:
        """Fill in the receipt, without the event, of an answered command of a batch. If it is refused, return why."""
        if isinstance(submitted, Refusal):
            return submitted
        answer = submitted.answer.result()
        if isinstance(answer, Refusal):
            return answer
        if isinstance(answer, Accepted):
            self.fill(receipt, submitted.order_id, submitted.request_id, answer)
        else:
            _fill_preview(receipt, submitted, answer)
        return None

    async def wait_for_receipt(self, attempt: Attempt) -> bytes:
        """Wait for the answer and return the serialized receipt with its event, read from the log if necessary.

        Raises Refused.
        """
        answer = await attempt.answer
        if isinstance(answer, Refusal):
            raise Refused(answer)
        if isinstance(answer, Preview):
            receipt = Receipt()
            _fill_preview(receipt, attempt, answer)
            return receipt.SerializeToString()
        return await self.build(attempt.order_id, attempt.request_id, answer)

    async def build(self, order_id: str, request_id: str, accepted: Accepted) -> bytes:
        """Return the serialized receipt of an accepted command, with its event."""
        receipt = Receipt()
        self.fill(receipt, order_id, request_id, accepted)
        reading, value = accepted.record or await self._handler.read_record(order_id, accepted)
        position = receipt.position
        fact = accepted.fact
        # The time of the fold is used, because within an order it never goes back, unlike a writer's clock.
        time = None if fact.time is None else moment(fact.time)
        event = ready_event(reading, value, self._log.topic, position.partition, position.offset, fact.digest, time)
        return receipt.SerializeToString() + chunk(EVENT, event)

    def fill(self, receipt: Receipt, order_id: str, request_id: str, accepted: Accepted) -> None:
        """Fill in the receipt of an accepted command, without its event."""
        # Setting one field after another takes half the time of a constructor with nested messages.
        fact, position = accepted.fact, receipt.position
        partition = self._handler.partition_of(order_id)
        position.topic, position.partition, position.offset = self._log.topic, partition, fact.offset
        receipt.order_id, receipt.request_id = order_id, request_id
        receipt.order_version, receipt.digest = fact.version, fact.digest
        receipt.replayed = accepted.replayed
        receipt.consistency_token = self._tokens.write(partition, fact.offset + 1)


def _fill_preview(receipt: Receipt, attempt: Attempt, preview: Preview) -> None:
    """Fill in the receipt of validate_only: the event that would be written, without id, position or digest."""
    receipt.event.CopyFrom(preview.reading.event)
    receipt.event.ClearField("event_id")
    receipt.order_id, receipt.request_id = attempt.order_id, attempt.request_id
    receipt.order_version = receipt.event.order_version
