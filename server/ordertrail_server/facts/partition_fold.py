"""Judges the records of a partition by the chain rule, for programs that read a log without a server."""

from collections.abc import Collection
from functools import partial
from typing import NamedTuple

from ordertrail_server.facts.step import BARRIER_FAULT, UNREADABLE, WRONG_KEY, Judged, Place, judge_message
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.orders.aggregate import NO_ORDER, Aggregate
from ordertrail_server.orders.chain import LINKS, Verdict
from ordertrail_server.schema.reading import Reading, read

DIGEST_BYTES = 16


class JudgedRecord(NamedTuple):
    """A record's verdict and reading."""

    verdict: str
    """fact, refusal, void, broken, foreign or barrier; empty if the record was not judged."""

    reading: Reading | None
    """Its reading; None if the record is unreadable, or foreign."""

    fault: str
    """Why there is no reading: a clause about the record."""


def read_without_verdict(record: Logged) -> JudgedRecord:
    """Read a record without judging it."""
    if (record.key, record.value) == BARRIER:
        return JudgedRecord("", None, BARRIER_FAULT)
    reading = read(record.value)
    if reading is None:
        return JudgedRecord("", None, UNREADABLE)
    if reading.event.order_id != record.key:
        return JudgedRecord("", None, WRONG_KEY)
    return JudgedRecord("", reading, "")


class PartitionFold:
    """Judges the records of one partition, in order and from its beginning.

    It stores little more than the digest of every link (16 bytes each). `offset` is the next offset to judge.
    """

    def __init__(self, partition: int, partitions: int) -> None:
        self.offset = 0
        self._place = Place(partition, partitions)
        self._facts: dict[str, bytearray] = {}
        self._refusals: dict[str, list[tuple[int, bytes]]] = {}

    def judge(self, record: Logged) -> JudgedRecord:
        """Judge the next record."""
        self.offset = record.offset + 1
        judged = judge_message(record, self._head(record.key), self._place, partial(self._links_at, record.key))
        if judged.verdict in LINKS:
            self._add_link(record, judged)
        is_record = judged.verdict not in (Verdict.FOREIGN, Verdict.BARRIER)
        return JudgedRecord(judged.verdict.value, judged.reading if is_record else None, judged.detail)

    def _head(self, order_id: str) -> Aggregate:
        digests = self._facts.get(order_id)
        refusals = self._refusals.get(order_id)
        version = len(digests) // DIGEST_BYTES if digests else 0
        head = bytes(digests[-DIGEST_BYTES:]) if digests else b""
        if refusals and refusals[-1][0] == version:
            head = refusals[-1][1]
        return NO_ORDER._replace(version=version, head=head)

    def _add_link(self, record: Logged, judged: Judged) -> None:
        if judged.verdict is Verdict.FACT:
            self._facts.setdefault(record.key, bytearray()).extend(record.digest)
        elif judged.reading is not None:
            link = judged.reading.event.order_version, record.digest
            self._refusals.setdefault(record.key, []).append(link)

    def _links_at(self, order_id: str, version: int) -> Collection[bytes]:
        end = version * DIGEST_BYTES
        fact = bytes(self._facts.get(order_id, b"")[end - DIGEST_BYTES : end]) if version else b""
        refusals = (digest for of, digest in self._refusals.get(order_id, ()) if of == version)
        return [fact, *refusals] if fact else list(refusals)
