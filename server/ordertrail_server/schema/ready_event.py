"""Facts as the bytes that clients receive: built once, stored, and joined into responses."""

from functools import lru_cache

from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.position_pb2 import Position
from ordertrail_server.schema.reading import Reading
from ordertrail_server.schema.wire import bytes_tag, chunk, varint, varint_tag

_EVENT = HistoryEvent.DESCRIPTOR.fields_by_name
_PLACE = Position.DESCRIPTOR.fields_by_name
_POSITION = bytes_tag(_EVENT["position"].number)
_DIGEST = bytes_tag(_EVENT["digest"].number)
_WRITTEN_VERSION = varint_tag(_EVENT["written_version"].number)
_RECORD_TIME = bytes_tag(_EVENT["record_time"].number)
_TOPIC = bytes_tag(_PLACE["topic"].number)
_PARTITION = varint_tag(_PLACE["partition"].number)
_OFFSET = varint_tag(_PLACE["offset"].number)
_SECONDS, _NANOS = varint_tag(1), varint_tag(2)


def ready_event(
    reading: Reading,
    value: bytes,
    topic: bytes | str,
    partition: int,
    offset: int,
    digest: bytes,
    record_time: Timestamp | None = None,
) -> bytes:
    """Return the serialized `HistoryEvent` of a stored record: what `reading` holds, its place, digest and version.

    `value` is the record that `reading` was read from, `digest` its digest. A `record_time` takes the place of the
    record's own.
    """
    # Later fields on the wire win, but messages merge. So write zeros, too: they must override the record's values.
    place = _partition(topic, partition) + varint(offset)
    return b"".join(
        (
            value if reading.passes_through else reading.event.SerializeToString(),
            b"" if record_time is None else _time(record_time),
            _POSITION,
            varint(len(place)),
            place,
            _DIGEST,
            varint(len(digest)),
            digest,
            _WRITTEN_VERSION,
            varint(reading.written_version),
        )
    )


@lru_cache(1024)
def _partition(topic: bytes | str, partition: int) -> bytes:
    name = topic.encode() if isinstance(topic, str) else topic
    return chunk(_TOPIC, name) + _PARTITION + varint(partition) + _OFFSET


def _time(time: Timestamp) -> bytes:
    return chunk(_RECORD_TIME, _SECONDS + varint(time.seconds) + _NANOS + varint(time.nanos))
