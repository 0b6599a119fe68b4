"""Delivery ids: the same text each time that a subscription hands out an event, and never that of another event."""

from typing import NamedTuple

from ordertrail_server.log.lineage import Lineage
from ordertrail_server.log.position import OFFSETS, LogPosition

LOG_ID_BYTES = 8
"""How many bytes of the identity of a log a delivery id contains."""


class DeliveryIds(NamedTuple):
    """The delivery ids of the subscription `uid`, which was created on the log `log_id`.

    A delivery id is `uid-partition-offset`. After a restore, new records get offsets that lost records had. So if the
    event's record was first stored by a later log, the id ends with the identity of that log.
    """

    uid: str
    log_id: bytes
    lineage: Lineage

    def write(self, position: int) -> str:
        """Return the delivery id of the event at a packed position."""
        partition, offset = LogPosition.unpack(position)
        writer = self.lineage.find_writer(self.log_id, partition, offset)
        suffix = "" if writer == self.log_id else f"-{writer[:LOG_ID_BYTES].hex()}"
        return f"{self.uid}-{partition}-{offset}{suffix}"

    def read(self, delivery_id: str) -> int | None:
        """Return the packed position in a delivery id; None if it is not one of the subscription."""
        prefix = f"{self.uid}-"
        if not delivery_id.startswith(prefix):
            return None
        partition, _, offset = delivery_id.removeprefix(prefix).partition("-")
        offset = offset.partition("-")[0]
        if not (_is_number(partition) and _is_number(offset)):
            return None
        if int(partition) >= self.lineage.partitions or int(offset) >= OFFSETS:
            return None
        position = LogPosition(int(partition), int(offset)).pack()
        return position if self.write(position) == delivery_id else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 15 and str(int(text)) == text
