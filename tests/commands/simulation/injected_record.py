"""Injected records, which no server appended: foreign ones and damaged ones."""

from hashlib import sha256
from random import Random

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.port import BARRIER, Entry, Logged

NO_RECORD = b"\xff no record"


def create_injected_entry(random: Random, records: list[Logged]) -> Entry:
    """Return bytes that are not a Record, a record under another key, or a record with a damaged predecessor link."""
    if not records or random.random() < 0.2:
        return Entry("order-1", NO_RECORD)
    original = random.choice(records)
    if random.random() < 0.3:
        return Entry("another key", original.value)
    if original.value in (NO_RECORD, BARRIER.value):
        return Entry(original.key, original.value)
    damaged = Record.FromString(original.value)
    newest = max(read.order_version for read in map(Record.FromString, _values_of(damaged.order_id, records)))
    if random.random() < 0.5:
        # The next version with another predecessor.
        damaged.order_version, damaged.previous = newest + 1, sha256(original.value).digest()[16:]
    else:
        # A version that leaves a gap after a real record.
        damaged.order_version, damaged.previous = newest + 2, original.digest
    return Entry(original.key, damaged.SerializeToString())


def _values_of(order_id: str, records: list[Logged]) -> list[bytes]:
    return [logged.value for logged in records if logged.key == order_id and logged.value != NO_RECORD]
