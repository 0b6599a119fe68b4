"""Tokens of requests and answers: positions as a tuple of offsets, one for each partition."""

from collections.abc import Iterable
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.error_reason_pb2 import (
    ERROR_REASON_FOREIGN_TOKEN,
    ERROR_REASON_INVALID_TOKEN,
    ERROR_REASON_LOST_TOKEN,
)
from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.position import OFFSETS
from ordertrail_server.log.token import ForeignToken, InvalidToken, LostToken, read_moment_token, write_token
from ordertrail_server.orders.refusal import Refusal, Refused
from ordertrail_server.orders.times import moment, nanoseconds

Offsets = tuple[int, ...]


class Moment(NamedTuple):
    """A moment in the past: facts before the offsets, without those recorded after `time`, if there is one.

    `time` is in nanoseconds since the epoch.
    """

    offsets: Offsets
    time: int | None


def offsets_of(token: str, where: str, lineage: Lineage) -> Offsets:
    """Return the offsets of the token in the request field `where`. Raises Refused."""
    return moment_of(token, where, lineage).offsets


def moment_of(token: str, where: str, lineage: Lineage) -> Moment:
    """Return the moment of the token in the request field `where`. Raises Refused."""
    partitions = lineage.partitions
    try:
        offsets, as_of = read_moment_token(token, lineage)
    except InvalidToken as error:
        raise invalid_token(where) from error
    except ForeignToken as error:
        message = f"{where} is a token of another log."
        raise Refused(Refusal(ERROR_REASON_FOREIGN_TOKEN, message, where=where)) from error
    except LostToken as error:
        message = f"{where} includes records that were lost when the log was restored from a backup."
        raise Refused(Refusal(ERROR_REASON_LOST_TOKEN, message, where=where)) from error
    if not all(0 <= partition < partitions and 0 <= offset < OFFSETS for partition, offset in offsets.items()):
        raise invalid_token(where)
    return Moment(tuple(offsets.get(partition, 0) for partition in range(partitions)), _time_of(as_of))


def _time_of(as_of: Timestamp | None) -> int | None:
    return None if as_of is None else nanoseconds(as_of)


def token_of(log_id: bytes, offsets: Offsets, time: int | None = None) -> str:
    """Return the token of the facts before the offsets, without those recorded after `time` (nanoseconds)."""
    as_of = None if time is None else moment(time)
    return write_token(log_id, {partition: offset for partition, offset in enumerate(offsets) if offset}, as_of)


def latest(offsets: Iterable[Offsets]) -> Offsets:
    """Return for each partition the latest of its offsets."""
    return tuple(map(max, zip(*offsets, strict=True)))


def invalid_token(where: str, fault: str = "is not a token of this service") -> Refused:
    """Return the refusal of the token in the request field `where`; `fault` ends a sentence that begins with that."""
    return Refused(Refusal(ERROR_REASON_INVALID_TOKEN, f"{where} {fault}.", where=where))
