"""Records that no server of ours wrote: noise on the topic, and damage."""

from random import Random

from ordertrail.log.v1.record_pb2 import Record
from ordertrail_server.log.port import Entry, Logged

NO_RECORD = b"\xff no record"


def strange_entry(random: Random, records: list[Logged]) -> Entry:
    """Return what is no `Record`, a record under another key, or one whose link to its past was damaged."""
    if not records or random.random() < 0.2:
        return Entry("order-1", NO_RECORD)
    found = random.choice(records)
    if random.random() < 0.3:
        return Entry("another key", found.value)
    if found.value == NO_RECORD:
        return Entry(found.key, found.value)
    damaged = Record.FromString(found.value)
    newest = max(read.order_version for read in map(Record.FromString, _values_of(damaged.order_id, records)))
    damaged.order_version = random.choice([damaged.order_version, newest + 1])
    damaged.previous = random.choice([bytes(16), b"", random.choice(records).digest])
    return Entry(found.key, damaged.SerializeToString())


def _values_of(order_id: str, records: list[Logged]) -> list[bytes]:
    return [each.value for each in records if each.key == order_id and each.value != NO_RECORD]
