"""The messages of the topic of subscriptions. Their values are JSON, so that people can read them.

Each message of a term has a number: 1, 2, 3 …. A server that does not know whether a message was stored sends it again
with its number, so repeated, late and reordered messages have no effect.
"""

from collections.abc import Iterator, Sequence
from json import dumps, loads
from typing import Any, NamedTuple

from ordertrail_server.log.port import Entry
from ordertrail_server.subscriptions.kafka.term import Term
from ordertrail_server.subscriptions.state_record import StateRecord

TERM_KEY = "term"
"""The key of messages about a term. Other keys are ids of subscriptions."""

PART_CHARACTERS = 250_000
"""The longest text of one message. Kafka accepts 1 MB, and quoting can double the text."""


class TermBegun(NamedTuple):
    """A server begins a term, which ends the one before it."""

    term: Term


class TermContinued(NamedTuple):
    """The term goes on. The topic may be cut before this message, because all that counts is behind it."""

    term: Term
    number: int


class RecordsStored(NamedTuple):
    """Records of a subscription, or a part of their text. If the first part `replaces`, earlier records are void."""

    term: Term
    number: int
    uid: str
    text: str
    is_last: bool = True
    replaces: bool = False


class UnknownMessage(NamedTuple):
    """A message that this release cannot read, of a server that had this term."""

    term: Term


StateMessage = TermBegun | TermContinued | RecordsStored | UnknownMessage


def split_records(
    term: Term, number: int, uid: str, records: Sequence[StateRecord], *, replaces: bool = False
) -> Iterator[RecordsStored]:
    """Yield the messages of some records of one subscription, which count together. Their numbers begin at `number`."""
    text = dumps([record.to_json() for record in records], separators=(",", ":"))
    starts = range(0, len(text), PART_CHARACTERS)
    for start in starts:
        part = text[start : start + PART_CHARACTERS]
        yield RecordsStored(
            term, number + start // PART_CHARACTERS, uid, part, start == starts[-1], replaces and not start
        )


def join_records(uid: str, text: str) -> list[StateRecord]:
    """Return the records of a joined text. Raises ValueError, KeyError or TypeError for those of a newer release."""
    return [StateRecord.from_json(uid, values) for values in loads(text)]


def encode_message(message: TermBegun | TermContinued | RecordsStored) -> Entry:
    """Return the key and the value of a message."""
    fields: dict[str, Any] = {"term": message.term.number, "writer": message.term.writer}
    match message:
        case TermBegun():
            fields["begins"] = True
        case TermContinued(_, number):
            fields["continues"] = number
        case RecordsStored(_, number, _, text, is_last, replaces):
            fields |= {"number": number, "records": text, "last": is_last, "replaces": replaces}
    key = message.uid if isinstance(message, RecordsStored) else TERM_KEY
    return Entry(key, dumps(fields, separators=(",", ":")).encode())


def decode_message(key: str, value: bytes) -> StateMessage | None:
    """Return the message; None if it is not one that a server has written."""
    try:
        fields = loads(value)
        term = Term(_number(fields["term"]), _text(fields["writer"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    try:
        return _decode_fields(key, term, fields)
    except (ValueError, KeyError, TypeError):
        return UnknownMessage(term)


def _decode_fields(key: str, term: Term, fields: dict[str, Any]) -> StateMessage:
    if "begins" in fields:
        return TermBegun(term)
    if "continues" in fields:
        return TermContinued(term, _number(fields["continues"]))
    flags = fields["last"] is True, fields["replaces"] is True
    return RecordsStored(term, _number(fields["number"]), key, _text(fields["records"]), *flags)


def _number(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
