"""The state records of subscriptions on a Kafka topic, which one server at a time writes, in its term."""

import logging
from asyncio import to_thread
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Self

from ordertrail_server.log.message_topic import MessageTopic
from ordertrail_server.log.port import AppendUncertain, Entry, LogDamaged, LogUnavailable
from ordertrail_server.subscriptions.kafka.state_message import (
    RecordsStored,
    TermBegun,
    TermContinued,
    decode_message,
    encode_message,
    split_records,
)
from ordertrail_server.subscriptions.kafka.term import NO_TERM, Term
from ordertrail_server.subscriptions.kafka.topic_cut import TopicCut
from ordertrail_server.subscriptions.kafka.topic_fold import TopicFold
from ordertrail_server.subscriptions.state_log import StateDamaged, StateUnavailable, TermLost
from ordertrail_server.subscriptions.state_record import StateRecord

_log = logging.getLogger(__name__)

CUT_MESSAGES = 50_000
"""The topic is cut when it has this many messages more than after the last cut."""

INLINE_CHANGES = 200
"""More changes than these are written as JSON in a thread."""


class Encoded(NamedTuple):
    """A message, and how it is stored."""

    message: RecordsStored | TermContinued
    entry: Entry


class Write(NamedTuple):
    """Records of one subscription that count together, and whether they replace its earlier ones."""

    uid: str
    records: Sequence[StateRecord]
    replaces: bool


class KafkaStateLog:
    """The log in the term of this server. Every method raises TermLost once another server's term has begun.

    A call returns after it has checked that no term has begun between its messages and those of the last call.
    """

    def __init__(self, topic: MessageTopic, cut_messages: int = CUT_MESSAGES) -> None:
        self._topic, self._cut_messages = topic, cut_messages
        self._term: Term = NO_TERM
        self._fold: TopicFold | None = None
        self._number, self._last = 0, -1
        # What is sent again after an uncertain append, and the call that it belongs to.
        self._unconfirmed: list[Encoded] = []
        self._unconfirmed_writes: Sequence[Write] = ()
        self._topic_cut = TopicCut(0, {}, cut_messages)

    @classmethod
    async def open(cls, topic: MessageTopic, writer: str, cut_messages: int = CUT_MESSAGES) -> Self:
        """Begin a term of the server `writer`, a new random id. Raises TermLost, StateUnavailable, StateDamaged."""
        log = cls(topic, cut_messages)
        with _raise_typed():
            await log._begin_term(writer)
        return log

    async def read(self) -> list[StateRecord]:
        """Return all records up to the last append of this term."""
        with _raise_typed():
            fold, self._fold = self._fold, None
            if fold is None:
                fold = TopicFold()
                await self._fold_messages(fold, (await self._topic.query_bounds()).first, self._last + 1)
            return await to_thread(fold.records)

    async def append(self, records: Sequence[StateRecord]) -> None:
        """Append records."""
        await self._write([Write(record.uid, [record], False) for record in records])

    async def replace(self, uid: str, records: Sequence[StateRecord]) -> None:
        """Replace the records of a subscription, which takes effect with the last message."""
        await self._write([Write(uid, records, True)])

    def stale_uid(self) -> str | None:
        """Return the subscription whose first record is the oldest, if it keeps the topic from being cut."""
        return self._topic_cut.stale_uid()

    async def close(self) -> None:
        """Do nothing, because the topic belongs to the caller."""

    async def _begin_term(self, writer: str) -> None:
        fold, bounds = TopicFold(), await self._topic.query_bounds()
        await self._fold_messages(fold, bounds.first, bounds.end)
        if bounds.first and not fold.has_term:
            raise StateDamaged(
                f"the topic of subscriptions begins at offset {bounds.first}, where no server has cut it, so records "
                "are lost. Delete the topic and create it again to serve without the subscriptions that it held"
            )
        self._term = Term(fold.term.number + 1, writer)
        [self._last] = await self._topic.append([encode_message(TermBegun(self._term))])
        await self._fold_messages(fold, bounds.end, self._last + 1)
        if fold.term != self._term:
            raise TermLost("another server has begun a term")
        self._fold, self._topic_cut = fold, TopicCut(bounds.first, fold.first_offsets, self._cut_messages)

    async def _fold_messages(self, fold: TopicFold, begin: int, end: int) -> None:
        messages = await self._topic.read(begin, end)

        def fold_all() -> None:
            for offset, key, value, _ in messages:
                fold.fold(offset, decode_message(key, value))

        await to_thread(fold_all)

    async def _write(self, writes: Sequence[Write]) -> None:
        self._fold = None
        if writes != self._unconfirmed_writes:
            is_short = sum(len(record.changes) for write in writes for record in write.records) <= INLINE_CHANGES
            number = self._number + len(self._unconfirmed) + 1
            messages = (
                _build_messages(self._term, number, writes)
                if is_short
                else await to_thread(_build_messages, self._term, number, writes)
            )
            self._unconfirmed += messages
            self._unconfirmed_writes = writes
        with _raise_typed():
            await self._send()
            await self._cut()

    async def _send(self) -> None:
        """Append all messages that are not confirmed, and check that the term goes on."""
        if not self._unconfirmed:
            return
        offsets = await self._topic.append([encoded.entry for encoded in self._unconfirmed])
        await self._check_term(offsets)
        for encoded, offset in zip(self._unconfirmed, offsets, strict=True):
            self._topic_cut.note(encoded.message, offset)
        self._last, self._number = max(offsets), self._unconfirmed[-1].message.number
        self._unconfirmed, self._unconfirmed_writes = [], ()

    async def _check_term(self, offsets: Sequence[int]) -> None:
        begin = self._last + 1
        if min(offsets) < begin:
            raise StateDamaged("the topic of subscriptions has lost records, or was created again")
        if max(offsets) - begin + 1 == len(offsets):
            return
        if (await self._topic.query_bounds()).first > begin:  # this server has cut the topic before `begin` only
            raise TermLost("another server has begun a term and cut the topic")
        for _, key, value, _ in await self._topic.read(begin, max(offsets) + 1):
            message = decode_message(key, value)
            if isinstance(message, TermBegun) and message.term.number == self._term.number + 1:
                raise TermLost("another server has begun a term")

    async def _cut(self) -> None:
        """Mark a place where the topic can be cut if it has grown, and cut it once all that counts is behind."""
        if self._topic_cut.needs_mark(self._last):
            mark = TermContinued(self._term, self._number + 1)
            self._unconfirmed.append(Encoded(mark, encode_message(mark)))
            with suppress(AppendUncertain, LogUnavailable):  # it is sent again with the next call
                await self._send()
            return
        cut = self._topic_cut.take_mark()
        if cut is not None:
            try:
                await self._topic.remove_before(cut)
            except LogUnavailable as error:
                _log.warning(
                    "the beginning of the topic of subscriptions was not removed, so the next cut will: %s", error
                )


def _build_messages(term: Term, number: int, writes: Sequence[Write]) -> list[Encoded]:
    messages: list[RecordsStored] = []
    for uid, records, replaces in writes:
        messages += split_records(term, number + len(messages), uid, records, replaces=replaces)
    return [Encoded(message, encode_message(message)) for message in messages]


@contextmanager
def _raise_typed() -> Iterator[None]:
    try:
        yield
    except (AppendUncertain, LogUnavailable) as error:
        raise StateUnavailable(f"the topic of subscriptions cannot be used now: {error}") from error
    except LogDamaged as error:
        raise StateDamaged(f"the topic of subscriptions is damaged: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StateDamaged(
            f"the topic of subscriptions holds a record that this release cannot read ({error!r}): use the release "
            "that wrote it, or a newer one"
        ) from error
