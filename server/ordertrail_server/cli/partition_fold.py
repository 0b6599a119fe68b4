"""Judges the records of a partition by the chain rule, for commands that read a log without a server."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER, Logged
from ordertrail_server.orders.chain import NO_PREDECESSOR, Verdict, judge
from ordertrail_server.schema.reading import Reading, read

DIGEST_BYTES = 16


class JudgedRecord(NamedTuple):
    """A record's verdict and reading."""

    verdict: str
    """fact, void, broken, foreign or barrier; empty if the record was not judged."""

    reading: Reading | None
    """Its reading; None if the record is unreadable, or names another order than its key."""

    fault: str
    """Why there is no reading: the end of a sentence that begins with the key."""


def read_without_verdict(record: Logged) -> JudgedRecord:
    """Read a record without judging it."""
    if (record.key, record.value) == BARRIER:
        return JudgedRecord("", None, "is a barrier, which a server appends to find the end of the partition")
    reading = read(record.value)
    if reading is None:
        return JudgedRecord("", None, "is not a readable record")
    if reading.event.order_id != record.key:
        return JudgedRecord("", None, "is a record whose order id differs from its key")
    return JudgedRecord("", reading, "")


class PartitionFold:
    """Judges the records of one partition, in order and from its beginning.

    It stores only the digest of every fact (16 bytes each). `offset` is the next offset to judge.
    """

    def __init__(self, partition: int, partitions: int) -> None:
        self.offset = 0
        self._partition, self._partitions = partition, partitions
        self._digests: dict[str, bytearray] = {}

    def judge(self, record: Logged) -> JudgedRecord:
        """Judge the next record."""
        self.offset = record.offset + 1
        judged = read_without_verdict(record)
        if judged.reading is None:
            return judged._replace(verdict="barrier" if (record.key, record.value) == BARRIER else "foreign")
        if partition_of(record.key, self._partitions) != self._partition:
            return JudgedRecord("foreign", None, "is a record of an order that belongs to another partition")
        return judged._replace(verdict=self._verdict(record, judged.reading).value)

    def _verdict(self, record: Logged, reading: Reading) -> Verdict:
        digests = self._digests.get(record.key, bytearray())
        head_version, event = len(digests) // DIGEST_BYTES, reading.event
        digest_of: Callable[[int], bytes | None] = partial(_of_version, digests)
        head = digest_of(head_version) or NO_PREDECESSOR
        verdict = judge(head_version, head, event.order_version, event.previous, digest_of)
        if verdict is Verdict.FACT:
            digests += record.digest
            self._digests[record.key] = digests
        return verdict


def _of_version(digests: bytearray, version: int) -> bytes | None:
    end = version * DIGEST_BYTES
    return bytes(digests[end - DIGEST_BYTES : end]) or None
