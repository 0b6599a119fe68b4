"""When and where the topic of subscriptions can be cut. Without I/O."""

from collections.abc import Mapping

from ordertrail_server.subscriptions.kafka.state_message import RecordsStored, TermContinued
from ordertrail_server.subscriptions.kafka.topic_fold import NO_RECORDS

CUT_CHARACTERS = 128 << 20
"""The topic is also cut when one term has written this much text since the last cut."""


class TopicCut:
    """Follows the first message of each subscription that counts. Once all are behind a mark, the topic is cut there.

    `first` is the first offset of the topic. It is cut when it has `cut_messages` messages more than after a cut.
    """

    def __init__(self, first: int, first_offsets: Mapping[str, int], cut_messages: int) -> None:
        self._first, self._cut_messages, self._characters = first, cut_messages, 0
        self._first_offsets = dict(first_offsets)
        self._mark: int | None = None

    def note(self, message: RecordsStored | TermContinued, offset: int) -> None:
        """Note a message that counts."""
        if isinstance(message, TermContinued):
            self._mark = offset
            return
        if message.replaces:
            self._first_offsets.pop(message.uid, None)
        self._characters += len(message.text)
        if message.text != NO_RECORDS:
            self._first_offsets.setdefault(message.uid, offset)

    def needs_mark(self, last: int) -> bool:
        """Return whether the topic has grown so much that a mark is due. `last` is its last offset."""
        has_grown = last - self._first >= self._cut_messages or self._characters >= CUT_CHARACTERS
        return self._mark is None and has_grown

    def stale_uid(self) -> str | None:
        """Return the subscription with the oldest first message, if that is before the mark."""
        if self._mark is None or not self._first_offsets:
            return None
        uid = min(self._first_offsets, key=self._first_offsets.__getitem__)
        return uid if self._first_offsets[uid] < self._mark else None

    def take_mark(self) -> int | None:
        """Return where the topic can be cut, once; None if some message before the mark counts."""
        if self._mark is None or self.stale_uid() is not None:
            return None
        mark, self._mark, self._characters = self._mark, None, 0
        self._first = mark
        return mark
