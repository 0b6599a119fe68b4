"""Tokens of requests and answers: positions as a tuple of offsets, one for each partition."""

from collections.abc import Iterable

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_FOREIGN_TOKEN, ERROR_REASON_INVALID_TOKEN
from ordertrail_server.log.position import OFFSETS
from ordertrail_server.log.token import ForeignToken, InvalidToken, read_token, write_token
from ordertrail_server.orders.refusal import Refusal, Refused

Offsets = tuple[int, ...]


def offsets_of(token: str, where: str, log_id: bytes, partitions: int) -> Offsets:
    """Return the offsets of the token in the request field `where`. Raises Refused."""
    try:
        offsets = read_token(token, log_id)
    except InvalidToken as error:
        raise invalid_token(where) from error
    except ForeignToken as error:
        message = f"{where} is a token of another log."
        raise Refused(Refusal(ERROR_REASON_FOREIGN_TOKEN, message, where=where)) from error
    if not all(0 <= partition < partitions and 0 <= offset < OFFSETS for partition, offset in offsets.items()):
        raise invalid_token(where)
    return tuple(offsets.get(partition, 0) for partition in range(partitions))


def token_of(log_id: bytes, offsets: Offsets) -> str:
    """Return the token of the offsets."""
    return write_token(log_id, {partition: offset for partition, offset in enumerate(offsets) if offset})


def latest(offsets: Iterable[Offsets]) -> Offsets:
    """Return for each partition the latest of its offsets."""
    return tuple(map(max, zip(*offsets, strict=True)))


def invalid_token(where: str, fault: str = "is not a token of this service") -> Refused:
    """Return the refusal of the token in the request field `where`; `fault` ends a sentence that begins with that."""
    return Refused(Refusal(ERROR_REASON_INVALID_TOKEN, f"{where} {fault}.", where=where))
