"""What becomes of a batch that was handed to a producer."""

import asyncio
from contextlib import suppress

from confluent_kafka import KafkaError, Message

from ordertrail_server.log.kafka.errors import append_failure, is_never_appended


class Delivery:
    """What becomes of one batch. Reports come in a thread of the producer's; `done` belongs to the event loop."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[list[int]] = self._loop.create_future()
        self.done.add_done_callback(_retrieve_exception)
        self._count = count
        self._offsets: list[int] = []
        self._errors: list[KafkaError] = []
        self._rejected: list[KafkaError] = []

    def report(self, error: KafkaError | None, message: Message | None) -> None:
        """Take the report on the batch's next record."""
        offset = None if error or message is None else message.offset()
        if offset is not None:
            self._offsets.append(offset)
        else:  # a broker may know of a record that it has it, and no longer where
            self._errors.append(error or KafkaError(KafkaError.DUPLICATE_SEQUENCE_NUMBER))
        self._finish_if_complete()

    def reject(self, error: KafkaError, count: int) -> None:
        """Say of the last `count` records that the producer did not take them, so that they are never sent."""
        self._rejected = [error] * count
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        # The last of two threads to come here sees all reports; should both see them, one finishes in vain.
        if len(self._offsets) + len(self._errors) + len(self._rejected) == self._count:
            with suppress(RuntimeError):  # an event loop that is closed awaits nothing
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
    # A caller that has given up leaves nobody to look; that is no defect to be reported.
    if not done.cancelled():
        done.exception()
