"""The protobuf wire format, as far as stored and ready bytes are put together without a message in between."""

# The source of all of it: https://protobuf.dev/programming-guides/encoding/
_SHORT = tuple(bytes((n,)) for n in range(0x80))
_SIXTY_FOUR_BITS = (1 << 64) - 1


def varint(number: int) -> bytes:
    """Return a whole number of at most 64 bits; a negative one in two's complement, as int32 and int64 are written."""
    if 0 <= number < 0x80:
        return _SHORT[number]
    if 0 <= number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    number &= _SIXTY_FOUR_BITS
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def varint_tag(number: int) -> bytes:
    """Return the tag of a field of this number that holds a whole number."""
    return varint(number << 3)


def bytes_tag(number: int) -> bytes:
    """Return the tag of a field of this number that holds a message, text or bytes: what has a length."""
    return varint(number << 3 | 2)


def chunk(tag: bytes, payload: bytes) -> bytes:
    """Return one field: its tag, the payload's length, the payload."""
    return tag + varint(len(payload)) + payload
