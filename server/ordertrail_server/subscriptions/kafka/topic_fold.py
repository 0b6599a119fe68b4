"""The fold of the topic of subscriptions: which messages count, and which records they lead to. Without I/O."""

from collections.abc import Iterator

from ordertrail_server.subscriptions.kafka.state_message import (
    RecordsStored,
    StateMessage,
    TermBegun,
    TermContinued,
    UnknownMessage,
    join_records,
)
from ordertrail_server.subscriptions.kafka.term import NO_TERM, Term
from ordertrail_server.subscriptions.state_record import StateRecord

NO_RECORDS = "[]"


class TopicFold:
    """The state after some messages, from the first one that the topic still has.

    A message counts if it belongs to the present term and has the next number. All others are void: they were written
    by a server whose term is over, or are repeated, late or reordered.
    """

    def __init__(self) -> None:
        self.term: Term = NO_TERM
        self._number = 0
        self._parts: list[tuple[int, RecordsStored]] = []
        # For each subscription: the first offset and the text of each message, or of parts together.
        self._texts: dict[str, list[tuple[int, str]]] = {}

    @property
    def has_term(self) -> bool:
        """True if a term has begun or continued."""
        return self.term != NO_TERM

    @property
    def first_offsets(self) -> dict[str, int]:
        """The offset of the first message of each subscription that counts."""
        return {uid: texts[0][0] for uid, texts in self._texts.items()}

    def fold(self, offset: int, message: StateMessage | None) -> bool:
        """Apply the message at an offset. Return False if it is void or foreign (None).

        Raises ValueError for a message of the present term that this release cannot read.
        """
        match message:
            case TermBegun(term):
                return self._begin(term)
            case TermContinued(term, number):
                return self._continue(term, number)
            case RecordsStored(term, number):
                if not self._is_next(term, number):
                    return False
                self._store(offset, message)
                return True
            case UnknownMessage(term) if term == self.term:
                raise ValueError(f"the message at offset {offset} is of a newer release")
        return False

    def records(self) -> list[StateRecord]:
        """Return the records that count, in the order of the topic.

        Raises ValueError, KeyError or TypeError for records of a newer release.
        """
        return [record for _, uid, text in sorted(self._entries()) for record in join_records(uid, text)]

    def _entries(self) -> Iterator[tuple[int, str, str]]:
        for uid, texts in self._texts.items():
            for offset, text in texts:
                yield offset, uid, text

    def _begin(self, term: Term) -> bool:
        if term.number != self.term.number + 1:
            return False
        self.term, self._number, self._parts = term, 0, []
        return True

    def _continue(self, term: Term, number: int) -> bool:
        if not self.has_term:  # the topic was cut before this message, so it counts
            self.term, self._number = term, number
            return True
        return self._is_next(term, number)

    def _is_next(self, term: Term, number: int) -> bool:
        if term != self.term or number != self._number + 1:
            return False
        self._number = number
        return True

    def _store(self, offset: int, message: RecordsStored) -> None:
        self._parts.append((offset, message))
        if not message.is_last:
            return
        first_offset, first = self._parts[0]
        text = "".join(part.text for _, part in self._parts)
        self._parts = []
        if first.replaces:
            self._texts.pop(first.uid, None)
        if text != NO_RECORDS:
            self._texts.setdefault(first.uid, []).append((first_offset, text))
