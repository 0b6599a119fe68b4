"""The outcome of a batch that a producer sends."""

import asyncio
from contextlib import suppress

from confluent_kafka import KafkaError, Message

from ordertrail_server.log.kafka.errors import append_failure, is_never_appended


class Delivery:
    """Collects the delivery reports of a batch. `done` belongs to the event loop; reports come from another thread."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[list[int]] = self._loop.create_future()
        self.done.add_done_callback(_retrieve_exception)
        self._count = count
        self._offsets: list[int] = []
        self._errors: list[KafkaError] = []
        self._rejected: list[KafkaError] = []

    def report(self, error: KafkaError | None, message: Message | None) -> None:
        """Handle the delivery report of the batch's next record."""
        offset = None if error or message is None else message.offset()
        if offset is not None:
            self._offsets.append(offset)
        else:  # a broker may know that it has a record, but not at which offset
            self._errors.append(error or KafkaError(KafkaError.DUPLICATE_SEQUENCE_NUMBER))
        self._finish_if_complete()

    def reject(self, error: KafkaError, count: int) -> None:
        """Mark the last `count` records as rejected by the producer, so they are never sent."""
        self._rejected = [error] * count
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        # Two threads may get here. The later one sees all reports; if both do, the second call has no effect.
        if len(self._offsets) + len(self._errors) + len(self._rejected) == self._count:
            with suppress(RuntimeError):  # the event loop is closed
                self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self.done.done():
            return
        if errors := self._errors + self._rejected:
            none_appended = not self._offsets and all(map(is_never_appended, self._errors))
            self.done.set_exception(append_failure(errors[0], none_appended=none_appended))
        else:
            self.done.set_result(self._offsets)


def _retrieve_exception(done: asyncio.Future[list[int]]) -> None:
    # If the caller was cancelled, nothing retrieves the exception, and asyncio would log that as a defect.
    if not done.cancelled():
        done.exception()
