"""Conversion between timestamps and nanoseconds."""

from google.protobuf.timestamp_pb2 import Timestamp

LAST_NANOSECOND = (1 << 63) - 1


def nanoseconds(time: Timestamp) -> int:
    """Return a time as nanoseconds since 1970-01-01 UTC, clamped to 64 bits.

    A time outside the years 1677 to 2262 becomes the first or the last of these.
    """
    whole = time.seconds * 1_000_000_000 + time.nanos
    return whole if -LAST_NANOSECOND <= whole <= LAST_NANOSECOND else LAST_NANOSECOND if whole > 0 else -LAST_NANOSECOND


def moment(nanoseconds: int) -> Timestamp:
    """Return the time that is this number of nanoseconds after 1970-01-01 UTC."""
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos)
