"""Generates topics: messages of servers that race, repeated, reordered and damaged."""

from typing import NamedTuple

from hypothesis import strategies as st

from ordertrail.chain import digest, partition_of
from ordertrail.events.v2.order_events_pb2 import OrderConfirmed
from ordertrail.log.v1.record_pb2 import Record

Message = tuple[bytes | None, bytes | None, int]
"""Key, value and partition."""

ORDERS = ["order-1", "order-2", "bestellung-ä", "\\xff", "\ufffd", "a\0b", "barrier", ""]
KEYS = [b"order-2", b"\xff", b"bestellung-\xe4", b"", None]
NO_LINK = (0, b"")


class Content(NamedTuple):
    """What follows the envelope of a record. It may be a refusal, whatever else it holds."""

    value: bytes
    is_refusal: bool


EVENT = Record(order_confirmed_v2=OrderConfirmed()).SerializeToString()
CONTENTS = [
    Content(EVENT, False),
    Content(EVENT, False),
    Content(EVENT, False),
    Content(b"\xa2\x06\x00", False),  # an event of a later release
    Content(b"\x4a\x00", True),
    Content(b"\x4a\x02\x0a\x00", True),
    Content(b"\x4a\x02\xff\xff", True),  # its status is damaged
    Content(b"\x4a\x00" + EVENT, True),  # a refusal has no event
    Content(b"\x4a\x00\x4a\x01\xff", True),  # in two parts
    Content(b"\x48\x01", False),  # field 9 has another wire type: a varint,
    Content(b"\x4d\x00\x00\x00\x00", False),  # four bytes,
    Content(b"\x4b\x4c", False),  # a group,
    Content(b"\x48\x01\x4a\x00", True),  # or both a varint and a refusal
]


def _draw_records(draw: st.DrawFn, partitions: int) -> list[Message]:
    messages: list[Message] = []
    chains: dict[str, list[tuple[int, bytes]]] = {order_id: [NO_LINK] for order_id in ORDERS}
    for number in range(draw(st.integers(1, 12))):
        order_id: str = draw(st.sampled_from(ORDERS))
        content: Content = draw(st.sampled_from(CONTENTS))
        links = chains[order_id]
        place: int = draw(st.integers(0, len(links) - 1))
        version_before, previous = links[place]
        error = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, -1]))  # a wrong version breaks the chain
        version = version_before + (not content.is_refusal) + error
        value = _record(order_id, version, previous, str(number)) + content.value
        if error == 0 and place == len(links) - 1:
            links.append((version, digest(value)))
        messages.append((order_id.encode(), value, partition_of(order_id, partitions)))
    return messages


def _record(order_id: str, version: int, previous: bytes, event_id: str) -> bytes:
    envelope = Record(event_id=event_id, order_id=order_id, order_version=version, previous=previous)
    return envelope.SerializeToString()


@st.composite
def draw_topic(draw: st.DrawFn, partitions: int) -> list[Message]:
    """Draw the messages of a topic, in the order in which they are read."""
    messages = _draw_records(draw, partitions)
    barrier = st.tuples(st.just(b"barrier"), st.sampled_from([b"", None]), st.integers(0, partitions - 1))
    messages += draw(st.lists(barrier, max_size=2))
    for place in draw(st.lists(st.integers(0, len(messages) - 1), max_size=4)):
        key, value, partition = messages[place]
        damaged_value = bytearray(value or b"")
        if damaged_value:
            damaged_value[draw(st.integers(0, len(damaged_value) - 1))] ^= draw(st.integers(1, 255))
        changed_message = (
            draw(st.sampled_from([key, key, *KEYS])),
            draw(st.sampled_from([bytes(damaged_value), value, None])),
            draw(st.sampled_from([partition, partition, *range(partitions)])),
        )
        messages.insert(draw(st.integers(0, len(messages))), changed_message)
    return messages
