"""Translates errors of Kafka into the errors of the log's interface."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from ordertrail_server.log.port import AppendUncertain, LogDamaged, LogUnavailable

# The broker does not know the topic, because it was deleted or is new. `query_topic_state` distinguishes the two.
UNKNOWN_TOPIC = frozenset(
    {
        KafkaError.INCONSISTENT_TOPIC_ID,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError._UNKNOWN_TOPIC,
    }
)
# The broker refuses the record itself, so it also refused every earlier attempt of the producer to send it.
_NEVER_APPENDED = frozenset(
    {KafkaError.INVALID_RECORD, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}
)
# The partition gets another leader, or the broker is starting. A retry will succeed.
TRANSIENT = frozenset(
    {
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError._TRANSPORT,
    }
)
_OUT_OF_RANGE = frozenset({KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET, KafkaError._LOG_TRUNCATION})
_CORRUPT = frozenset({KafkaError.INVALID_MSG, KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG})


class OffsetOutOfRange(LogDamaged):
    """A broker has no record at an offset. It may be a replaced leader that does not know that it was replaced."""


def is_never_appended(error: KafkaError) -> bool:
    """Return whether this delivery error proves that the record is not, and never will be, on the log."""
    return error.code() in _NEVER_APPENDED


def append_failure(first: KafkaError, *, none_appended: bool) -> AppendUncertain | LogUnavailable:
    """Return the error for a failed batch. `none_appended` is true if none of its records is or will be on the log."""
    if none_appended:
        return LogUnavailable(f"nothing was appended: {describe_error(first)}")
    return AppendUncertain(f"the records may be on the log, or appear there later: {describe_error(first)}")


def read_failure(error: KafkaError, partition: int, offset: int) -> LogDamaged | LogUnavailable:
    """Return the log's error for a read error at this position."""
    where = f"partition {partition}, offset {offset}"
    if error.code() in _OUT_OF_RANGE:
        return OffsetOutOfRange(
            f"the log has no record at {where}, where it had records or its end before: it has lost its beginning or "
            f"its end, or was replaced by another topic ({describe_error(error)})"
        )
    if error.code() in _CORRUPT:
        return LogDamaged(f"the record at {where} is not what was appended: {describe_error(error)}")
    return LogUnavailable(f"the log could not be read at {where}: {describe_error(error)}")


def describe_error(error: KafkaError) -> str:
    """Return an error's message and name."""
    return f"{error.str()} ({error.name()})"


@contextmanager
def errors_as_unavailable() -> Iterator[None]:
    """Raise LogUnavailable in place of KafkaException."""
    try:
        yield
    except KafkaException as error:
        reason = f"the cluster did not answer: {describe_error(error.args[0])}"
        raise LogUnavailable(reason) from error.with_traceback(None)  # its frames refer to it, and to the client
