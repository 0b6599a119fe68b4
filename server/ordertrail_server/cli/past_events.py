"""The events of an order up to one of its versions."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from ordertrail.v1.history_event_pb2 import HistoryEvent
    from ordertrail.v1.order_pb2 import Order

NANOS = 1_000_000_000


def end_at(order: "Order", conditions: dict[str, Any]) -> dict[str, Any]:
    """Return conditions that few events after a version of an order meet: those that were recorded at the same time."""
    end, other_end = _just_after(order.update_time), conditions["recorded_before"]
    is_earlier = other_end is not None and (other_end.seconds, other_end.nanos) < (end.seconds, end.nanos)
    return {**conditions, "recorded_before": other_end if is_earlier else end}


async def events_up_to(version: int, events: AsyncIterator["HistoryEvent"]) -> AsyncIterator["HistoryEvent"]:
    """Yield the events without those after a version of their order."""
    async for event in events:
        if event.order_version <= version:
            yield event


def _just_after(time: "Timestamp") -> "Timestamp":
    from google.protobuf.timestamp_pb2 import Timestamp

    seconds, nanos = divmod(time.nanos + 1, NANOS)
    return Timestamp(seconds=time.seconds + seconds, nanos=nanos)
