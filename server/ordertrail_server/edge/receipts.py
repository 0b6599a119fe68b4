"""Turns answers of the write side into receipts of the contract."""

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.position_pb2 import Position
from ordertrail.v1.receipt_pb2 import Receipt
from ordertrail_server.commands.attempt import Accepted, Attempt, Preview
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.log.port import Log
from ordertrail_server.log.token import write_token
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment
from ordertrail_server.schema.ready_event import ready_event
from ordertrail_server.schema.wire import bytes_tag, chunk

EVENT = bytes_tag(Receipt.DESCRIPTOR.fields_by_name["event"].number)


class Receipts:
    """Creates receipts of facts of one log."""

    def __init__(self, log: Log, handler: CommandHandler) -> None:
        self._log, self._handler = log, handler

    def outcome(self, submitted: Attempt | Refusal) -> Receipt | Refusal:
        """Return the outcome of an answered command of a batch: a receipt without the event, or a refusal."""
        if isinstance(submitted, Refusal):
            return submitted
        answer = submitted.answer.result()
        if isinstance(answer, Accepted):
            return self._slim_receipt(submitted, answer)
        return _preview(submitted, answer) if isinstance(answer, Preview) else answer

    async def wait_for_receipt(self, attempt: Attempt) -> bytes:
        """Wait for the answer and return the serialized receipt with its event, read from the log if necessary.

        Raises Refused.
        """
        answer = await attempt.answer
        if isinstance(answer, Refusal):
            raise Refused(answer)
        if isinstance(answer, Preview):
            return _preview(attempt, answer).SerializeToString()
        receipt = self._slim_receipt(attempt, answer)
        reading, value = await self._handler.read_record(attempt.order_id, answer)
        position = receipt.position
        fact = answer.fact
        # The time of the fold is used, because within an order it never goes back, unlike a writer's clock.
        time = None if fact.time is None else moment(fact.time)
        event = ready_event(reading, value, self._log.topic, position.partition, position.offset, fact.digest, time)
        return receipt.SerializeToString() + chunk(EVENT, event)

    def _slim_receipt(self, attempt: Attempt, accepted: Accepted) -> Receipt:
        fact = accepted.fact
        partition = self._handler.partition_of(attempt.order_id)
        return Receipt(
            order_id=attempt.order_id,
            order_version=fact.version,
            request_id=attempt.request_id,
            digest=fact.digest,
            replayed=accepted.replayed,
            position=Position(topic=self._log.topic, partition=partition, offset=fact.offset),
            consistency_token=write_token(self._log.identity, {partition: fact.offset + 1}),
        )


def _preview(attempt: Attempt, preview: Preview) -> Receipt:
    """Return the receipt of validate_only: the event that would be written, without id, position or digest."""
    event = HistoryEvent()
    event.CopyFrom(preview.reading.event)
    event.ClearField("event_id")
    return Receipt(
        order_id=attempt.order_id, order_version=event.order_version, request_id=attempt.request_id, event=event
    )
