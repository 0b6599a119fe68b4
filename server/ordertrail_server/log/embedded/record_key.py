"""Checks that a message is stored under its order's id, and in its order's partition.

A `Record` names its order in field 2 (proto/ordertrail/log/v1/record.proto). The log reads no other field of it.
"""

from typing import Final

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from ordertrail_server.log.placement import partition_of
from ordertrail_server.log.port import BARRIER

ORDER_ID: Final = 2
_LENGTH_DELIMITED: Final = 2
# The tag and length before an order id in a record, by its length; only for lengths that take one byte.
_PREFIXES: Final = tuple(bytes((ORDER_ID << 3 | _LENGTH_DELIMITED, size)) for size in range(0x80))


def belongs(key: str, value: bytes, partition: int, partitions: int) -> bool:
    """Return whether a message is a record under its order's id in its order's partition, or a barrier."""
    if not names_order(value, key):
        return (key, value) == BARRIER
    return partitions == 1 or partition_of(key, partitions) == partition


def names_order(value: bytes, key: str) -> bool:
    """Return whether a serialized `Record` names this order. Never raises, whatever the bytes."""
    order_id = key.encode()
    try:  # Fast path: our records begin with the event id and the order id. Any other message is parsed.
        if order_id and value.startswith(_PREFIXES[len(order_id)] + order_id, value[1] + 2):
            return True
    except IndexError:
        pass
    return order_id != b"" and _order_id(value) == order_id


def _order_id(value: bytes) -> bytes | None:
    try:
        # Any well-formed bytes parse as an Empty with unknown fields. If a field occurs twice, the last one counts.
        fields = UnknownFieldSet(Empty.FromString(value))
    except DecodeError:
        return None
    indexes = range(len(fields))
    order_ids = [fields[index].data for index in indexes if fields[index].field_number == ORDER_ID]
    return order_ids[-1] if order_ids and isinstance(order_ids[-1], bytes) else None
