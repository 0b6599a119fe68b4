"""Delivery ids: the same text each time that a subscription hands out an event."""

from ordertrail_server.log.position import MAX_PARTITIONS, OFFSETS, LogPosition


def write_delivery_id(uid: str, position: int) -> str:
    """Return the delivery id of the event at a packed position."""
    partition, offset = LogPosition.unpack(position)
    return f"{uid}-{partition}-{offset}"


def read_delivery_id(uid: str, delivery_id: str) -> int | None:
    """Return the packed position in a delivery id; None if it is not one of the subscription."""
    prefix = f"{uid}-"
    if not delivery_id.startswith(prefix):
        return None
    partition, _, offset = delivery_id.removeprefix(prefix).partition("-")
    if not (_is_number(partition) and _is_number(offset)):
        return None
    position = LogPosition(int(partition), int(offset))
    return position.pack() if position.partition < MAX_PARTITIONS and position.offset < OFFSETS else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15 and str(int(text)) == text
