"""Tokens: a position in a log, as text that callers store and send back (see TokenContents in position.proto)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Collection, Mapping
from typing import NamedTuple, TypeVar
from zlib import crc32

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.position_pb2 import PageTokenContents, TokenContents
from ordertrail_server.log.lineage import Lineage, has_lost
from ordertrail_server.log.position import MAX_PARTITIONS

M = TypeVar("M", TokenContents, PageTokenContents)

POSITION, PAGE, AS_OF = b"\x01", b"\x02", b"\x03"


class InvalidToken(ValueError):
    """The text is not a token of this release, or is damaged."""


class ForeignToken(ValueError):
    """The token belongs to another log."""


class LostToken(ValueError):
    """The token belongs to the part of a log that was lost when the log was restored from a backup."""


class Token(NamedTuple):
    """What a token includes: the records before {partition: offset}, but with `as_of` none of a later record time."""

    offsets: dict[int, int]
    as_of: Timestamp | None


def write_token(log_id: bytes, offsets: Mapping[int, int], as_of: Timestamp | None = None) -> str:
    """Return the token of the records before {partition: next offset}, without those of a record time after `as_of`."""
    contents = TokenContents(log_id=log_id, as_of=as_of)
    for partition, offset in offsets.items():
        contents.offsets[partition] = offset
    return _wrap(AS_OF if as_of else POSITION, contents.SerializeToString(deterministic=True))


class TokenWriter:
    """Writes tokens of one log and one partition each, as receipts have: the same text as `write_token`, sooner."""

    def __init__(self, log_id: bytes) -> None:
        self._contents = TokenContents(log_id=log_id)

    def write(self, partition: int, offset: int) -> str:
        """Return the token of every record of a partition before the offset."""
        # The message is used again, because a new one takes longer than all else.
        contents = self._contents
        contents.offsets.clear()
        contents.offsets[partition] = offset
        return _wrap(POSITION, contents.SerializeToString())


def read_token(token: str, log_id: bytes) -> dict[int, int]:
    """Return {partition: offset} of a token of a log that was never restored. Raises as read_moment_token does."""
    return read_moment_token(token, Lineage(log_id, MAX_PARTITIONS)).offsets


def read_moment_token(token: str, lineage: Lineage) -> Token:
    """Return what a token includes, which may be a token of a predecessor of the log.

    Raises InvalidToken, ForeignToken if it is of neither, LostToken if it includes records that the log has lost.
    """
    kind, contents = _parse(token, (POSITION, AS_OF), TokenContents())
    offsets = dict(contents.offsets)
    if contents.log_id != lineage.identity:
        ends = lineage.find_ends(contents.log_id)
        if ends is None:
            raise ForeignToken
        if has_lost(ends, offsets):
            raise LostToken
    if contents.HasField("as_of") != (kind == AS_OF):
        raise InvalidToken
    return Token(offsets, contents.as_of if kind == AS_OF else None)


class PageKey(NamedTuple):
    """Where a page begins: after the row with this sort key.

    A list of a moment has its `as_of_token`. Any other list has the consistency token of its answer.
    """

    number: int
    text: str = ""
    as_of_token: str = ""
    consistency_token: str = ""


def write_page_token(filter_digest: bytes, key: PageKey) -> str:
    """Return the token of the page after a row."""
    contents = PageTokenContents(
        filter_digest=filter_digest,
        last_number=key.number,
        last_text=key.text,
        as_of_token=key.as_of_token,
        consistency_token=key.consistency_token,
    )
    return _wrap(PAGE, contents.SerializeToString())


def read_page_token(token: str) -> PageTokenContents:
    """Return the contents of a page token. Raises InvalidToken."""
    return _parse(token, (PAGE,), PageTokenContents())[1]


def _wrap(kind: bytes, contents: bytes) -> str:
    body = kind + contents
    return _encode(body + crc32(body).to_bytes(4))


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _parse(token: str, kinds: Collection[bytes], contents: M) -> tuple[bytes, M]:
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        # The decoder skips characters that are not of its alphabet, and bits beyond the last byte.
        if _encode(raw) != token:
            raise InvalidToken
        body, checksum = raw[:-4], raw[-4:]
        if body[:1] not in kinds or crc32(body).to_bytes(4) != checksum:
            raise InvalidToken
        contents.ParseFromString(body[1:])
    except (Base64Error, UnicodeError, DecodeError, ValueError) as error:
        raise InvalidToken from error
    return body[:1], contents
