"""Reads one partition from a given position, never from a committed offset. For one thread at a time."""

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ordertrail_server.log.deadline import Deadline
from ordertrail_server.log.kafka.errors import describe_error, read_failure
from ordertrail_server.log.kafka.settings import create_client
from ordertrail_server.log.kafka.threads import call_with_limit
from ordertrail_server.log.port import Logged, LogUnavailable
from ordertrail_server.orders.chain import digest

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.1
# Closing a log waits at most this long for its tail cursors while brokers answer.
PEEK_SECONDS = 0.25
UNASSIGNED = -1
# A consumer that waits and has returned nothing for this long must show that a broker answers it.
SILENCE_SECONDS = 5.0
ANSWER_SECONDS = 1.0
# A call that takes longer may never return: see `call_with_limit`.
CALL_SECONDS = 2.0

# NamedTuple's own constructor costs three times as much, once for every record read.
_logged = cast("Callable[[tuple[int, str, bytes, bytes]], Logged]", partial(tuple.__new__, Logged))


class Cursor:
    """A consumer that reads onward from its position, while librdkafka fetches ahead."""

    def __init__(self, settings: dict[str, object], topic: str) -> None:
        self._consumer, self._topic = create_client(Consumer, settings), topic
        self._buffered: list[Message] = []
        self.partition = self.position = UNASSIGNED
        self.last_used = self._answered_at = monotonic()
        self.is_usable = True

    def seek(self, partition: int, offset: int) -> None:
        """Move the cursor to this offset. Raises LogUnavailable if the consumer cannot be used any more."""
        self.last_used = monotonic()
        if (self.partition, self.position) == (partition, offset):
            return
        if self.partition == partition:
            self._seek(offset)
        else:
            self._require_response()
            self._consumer.assign([TopicPartition(self._topic, partition, offset)])
        self._buffered = []
        self.partition, self.position = partition, offset

    def unassign(self) -> None:
        """Forget the position, and stop fetching. If the consumer hangs, the cursor is not usable any more."""
        try:
            self._require_response()
        except LogUnavailable:
            self.is_usable = False
            return
        self.partition = self.position = UNASSIGNED
        self._buffered = []
        self._consumer.unassign()

    def _require_response(self) -> None:
        """Raise LogUnavailable if the consumer hangs. Calls that keep the GIL would then stop the whole process."""
        if self.partition != UNASSIGNED:
            self._seek(self.position)

    def _seek(self, offset: int) -> None:
        position = TopicPartition(self._topic, self.partition, offset)
        try:
            _call(partial(self._consumer.seek, position), CALL_SECONDS)
        except KafkaException as error:
            raise read_failure(error.args[0], self.partition, offset) from error

    def read(self, limit: int, end: int, timeout_s: float) -> list[Logged]:
        """Return up to `limit` records, all of them before `end`. The partition must reach `end`.

        Raises LogDamaged, and LogUnavailable if no record arrives for `timeout_s`.
        """
        records: list[Logged] = []
        deadline = Deadline(timeout_s)
        while len(records) < limit and self.position < end:
            messages = self._poll_messages(limit - len(records))
            if messages:
                self._append_records(messages, records)
                deadline = Deadline(timeout_s)
            elif deadline.has_passed():
                raise LogUnavailable(
                    f"no broker returned the record at partition {self.partition}, offset {self.position}"
                )
        return records

    def poll_growth(self) -> bool:
        """Wait a moment for a new record, and return whether one arrived. It stays buffered for `read`.

        Raises LogDamaged, and LogUnavailable if the consumer should be replaced: see `RenewableClient`.
        """
        self.last_used = monotonic()
        if not self._buffered:
            message = self._consumer.poll(PEEK_SECONDS)
            if message is None:
                self._check_connection()
            else:
                self._answered_at = monotonic()
                self._buffered = [message] if self._shows_growth(message) else []
        return bool(self._buffered)

    def _check_connection(self) -> None:
        """Raise LogUnavailable if the consumer has returned nothing for some time, and no broker answers it."""
        if monotonic() - self._answered_at < SILENCE_SECONDS:
            return
        try:
            _call(partial(self._consumer.list_topics, self._topic, timeout=ANSWER_SECONDS), CALL_SECONDS)
        except KafkaException as error:
            raise LogUnavailable(f"no broker answers: {describe_error(error.args[0])}") from error
        self._answered_at = monotonic()

    def _shows_growth(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() != KafkaError._PARTITION_EOF:
            raise read_failure(error, self.partition, self.position)
        return cast("int", message.offset()) > self.position  # transaction markers arrived

    def close(self) -> None:
        """Close the consumer, or give it up if it hangs."""
        with suppress(LogUnavailable):
            _call(self._consumer.close, CALL_SECONDS)

    def _poll_messages(self, count: int) -> list[Message]:
        messages, self._buffered = self._buffered, []
        if not messages:
            # `consume` alone would wait until it has all of them, or until the timeout.
            first = self._consumer.poll(POLL_SECONDS)
            if first is None:
                return messages
            messages.append(first)
        if count > 1:
            messages += self._consumer.consume(count - 1, 0)
        return messages

    def _append_records(self, messages: list[Message], records: list[Logged]) -> None:
        for message in messages:
            offset = cast("int", message.offset())
            if (error := message.error()) is None:
                value = message.value() or b""
                records.append(_logged((offset, decode_key(message.key()), value, digest(value))))
                self.position = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self.position = max(self.position, offset)  # skip transaction markers
            else:
                raise read_failure(error, self.partition, self.position)


def _call(work: Callable[[], object], seconds: float) -> None:
    """Raise LogUnavailable if a call of the consumer does not return. It is then given up, with its threads."""
    try:
        call_with_limit(work, seconds)
    except TimeoutError:
        _log.warning("a consumer hangs, and is given up with its threads")
        raise LogUnavailable("a consumer hangs") from None


def decode_key(key: bytes | None) -> str:
    """Return a message's key as text; "", which no order has as its id, if the key is missing or not UTF-8."""
    try:
        return "" if key is None else key.decode()
    except UnicodeDecodeError:
        return ""
