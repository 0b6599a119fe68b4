"""Records that no server of ours wrote: noise on the topic, and damage."""

from hashlib import sha256
from random import Random

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.port import BARRIER, Entry, Logged

NO_RECORD = b"\xff no record"


def strange_entry(random: Random, records: list[Logged]) -> Entry:
    """Return what is no `Record`, a record under another key, or one whose link to its past was damaged."""
    if not records or random.random() < 0.2:
        return Entry("order-1", NO_RECORD)
    found = random.choice(records)
    if random.random() < 0.3:
        return Entry("another key", found.value)
    if found.value in (NO_RECORD, BARRIER.value):
        return Entry(found.key, found.value)
    damaged = Record.FromString(found.value)
    newest = max(read.order_version for read in map(Record.FromString, _values_of(damaged.order_id, records)))
    if random.random() < 0.5:
        # The right version on another past.
        damaged.order_version, damaged.previous = newest + 1, sha256(found.value).digest()[16:]
    else:
        # A gap behind a real record.
        damaged.order_version, damaged.previous = newest + 2, found.digest
    return Entry(found.key, damaged.SerializeToString())


def _values_of(order_id: str, records: list[Logged]) -> list[bytes]:
    return [each.value for each in records if each.key == order_id and each.value != NO_RECORD]
