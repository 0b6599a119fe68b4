"""The records of one order, and their fold by the real chain rule."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ordertrail_server.orders.chain import LINKS, NO_PREDECESSOR, Verdict, digest, judge


@dataclass(frozen=True, eq=False, slots=True)
class Record:
    """A fact, or the refusal of a submitted command.

    Servers that decide alike on one state write the same record, because no verdict depends on a record's own digest.
    Equal records are one object (`create_record`), so states compare fast.
    """

    request: str
    body: str
    is_refusal: bool
    version: int
    previous: bytes
    digest: bytes

    def __repr__(self) -> str:
        kind = "refusal" if self.is_refusal else "fact"
        name, predecessor = self.digest.hex()[:4], self.previous.hex()[:4] or "none"
        return f"{name} ({kind} of {self.request} {self.body}, version {self.version}, previous {predecessor})"


@cache
def create_record(request: str, body: str, is_refusal: bool, version: int, previous: bytes) -> Record:
    stored = repr((request, body, is_refusal, version, previous)).encode()
    return Record(request, body, is_refusal, version, previous, digest(stored))


class Fold(NamedTuple):
    """An order as folded: `snapshot` holds the links of before the last restart, `tail` those since."""

    snapshot: tuple[Record, ...] = ()
    tail: tuple[Record, ...] = ()
    outcomes: tuple[Record, ...] = ()
    broken: tuple[Record, ...] = ()

    @property
    def links(self) -> tuple[Record, ...]:
        return self.snapshot + self.tail

    @property
    def version(self) -> int:
        return self.links[-1].version if self.links else 0

    @property
    def head(self) -> bytes:
        return self.links[-1].digest if self.links else NO_PREDECESSOR

    def links_at(self, version: int) -> Collection[bytes]:
        return [link.digest for link in self.links if link.version == version]

    def judge(self, record: Record) -> Verdict:
        return judge(self.version, self.head, record.version, record.previous, record.is_refusal, self.links_at)

    def take(self, record: Record) -> "Fold":
        """Fold the next record of the log."""
        verdict = self.judge(record)
        if verdict in LINKS:
            return self.add_link(record)._replace(outcomes=(*self.outcomes, record))
        return self._replace(broken=(*self.broken, record)) if verdict is Verdict.BROKEN else self

    def add_link(self, record: Record) -> "Fold":
        return self._replace(tail=(*self.tail, record))

    def restart(self) -> "Fold":
        """Return the fold of a server that restarts from a snapshot taken here."""
        return self._replace(snapshot=self.links, tail=())
