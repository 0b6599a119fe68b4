"""Tokens: a position in a log, as text that callers store and send back (see TokenContents in position.proto)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import TypeVar
from zlib import crc32

from google.protobuf.message import DecodeError

from ordertrail.v1.position_pb2 import PageTokenContents, TokenContents

M = TypeVar("M", TokenContents, PageTokenContents)

POSITION, PAGE = b"\x01", b"\x02"


class InvalidToken(ValueError):
    """The text is not a token of this release, or is damaged."""


class ForeignToken(ValueError):
    """The token belongs to another log."""


def write_token(log_id: bytes, offsets: Mapping[int, int]) -> str:
    """Return the token of {partition: next offset}. It includes every record before these offsets."""
    contents = TokenContents(log_id=log_id)
    for partition, offset in offsets.items():
        contents.offsets[partition] = offset
    return _wrap(POSITION, contents.SerializeToString(deterministic=True))


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
    """Return {partition: offset} of a token. Raises InvalidToken, or ForeignToken if it is not of this log."""
    contents = _parse(token, POSITION, TokenContents())
    if contents.log_id != log_id:
        raise ForeignToken
    return dict(contents.offsets)


def write_page_token(filter_digest: bytes, number: int, text: str = "") -> str:
    """Return the token of the page after the row with this sort key."""
    contents = PageTokenContents(filter_digest=filter_digest, last_number=number, last_text=text)
    return _wrap(PAGE, contents.SerializeToString())


def read_page_token(token: str) -> PageTokenContents:
    """Return the contents of a page token. Raises InvalidToken."""
    return _parse(token, PAGE, PageTokenContents())


def _wrap(kind: bytes, contents: bytes) -> str:
    body = kind + contents
    return _encode(body + crc32(body).to_bytes(4))


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _parse(token: str, kind: bytes, contents: M) -> M:
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        # The decoder skips characters that are not of its alphabet, and bits beyond the last byte.
        if _encode(raw) != token:
            raise InvalidToken
        body, checksum = raw[:-4], raw[-4:]
        if body[:1] != kind or crc32(body).to_bytes(4) != checksum:
            raise InvalidToken
        contents.ParseFromString(body[1:])
    except (Base64Error, UnicodeError, DecodeError, ValueError) as error:
        raise InvalidToken from error
    return contents
