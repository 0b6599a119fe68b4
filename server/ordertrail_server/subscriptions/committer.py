"""Group commit: the changes of all subscriptions in one append, and what may be sent once they are durable."""

import logging
from asyncio import Event, sleep
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from ordertrail_server.subscriptions.state_log import StateLog, StateUnavailable
from ordertrail_server.subscriptions.state_record import StateRecord

_log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5

Effect = Callable[[], None]


class Commit(NamedTuple):
    """Records to append, and what is done once they are durable. `snapshot` replaces all records of its uid."""

    records: Sequence[StateRecord]
    effects: Sequence[Effect]
    snapshot: StateRecord | None = None


class Source(Protocol):
    """A subscription with changes."""

    def take_commit(self) -> Commit:
        """Return what has changed since the last call."""


class Committer:
    """Appends the changes of subscriptions, one append after the other. Changes gather during an append."""

    def __init__(self, log: StateLog, request_snapshot: Callable[[str], None]) -> None:
        """`request_snapshot` has the next commit of the subscription with this uid include a snapshot."""
        self._log, self._request_snapshot = log, request_snapshot
        self._sources: dict[Source, None] = {}
        self._removed_uids: list[tuple[str, Effect]] = []
        self._changed = Event()

    def note_change(self, source: Source) -> None:
        """Have the changes of a subscription appended."""
        self._sources[source] = None
        self._changed.set()

    def remove(self, uid: str, effect: Effect) -> None:
        """Have all records of a subscription removed."""
        self._removed_uids.append((uid, effect))
        self._changed.set()

    async def run(self) -> None:
        """Append for ever, also while the disk is full. Raises StateDamaged, TermLost."""
        while True:
            await self._changed.wait()
            await self.flush()

    async def flush(self) -> None:
        """Append all changes until now."""
        stale_uid = self._log.stale_uid()
        if stale_uid is not None:
            self._request_snapshot(stale_uid)
        self._changed.clear()
        commits = [source.take_commit() for source in self._sources]
        self._sources.clear()
        removed_uids, self._removed_uids = self._removed_uids, []
        records = [record for commit in commits for record in commit.records]
        if records:
            await self._store(lambda: self._log.append(records))
        for commit in commits:
            for effect in commit.effects:
                effect()
        for commit in commits:
            if commit.snapshot is not None:
                await self._replace(commit.snapshot.uid, [commit.snapshot])
        for uid, effect in removed_uids:
            await self._replace(uid, [])
            effect()

    async def _replace(self, uid: str, records: Sequence[StateRecord]) -> None:
        await self._store(lambda: self._log.replace(uid, records))

    async def _store(self, write: Callable[[], Awaitable[None]]) -> None:
        is_reported = False
        while True:
            try:
                await write()
                return
            except StateUnavailable as error:
                if not is_reported:
                    _log.error("subscriptions wait: %s", error)
                is_reported = True
                await sleep(RETRY_SECONDS)
