"""The protobuf wire format, for bytes that are assembled or split without a message object."""

# The source of all of it: https://protobuf.dev/programming-guides/encoding/
_SHORT = tuple(bytes((n,)) for n in range(0x80))
_SIXTY_FOUR_BITS = (1 << 64) - 1


def varint(number: int) -> bytes:
    """Encode an integer of at most 64 bits; a negative one in two's complement, as int32 and int64 are encoded."""
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
    """Return the tag of a varint field with this number."""
    return varint(number << 3)


def bytes_tag(number: int) -> bytes:
    """Return the tag of a length-delimited field (message, string or bytes) with this number."""
    return varint(number << 3 | 2)


def first_field(message: bytes) -> bytes:
    """Return a serialized message as field 1 of another: its value, or one element if the field is repeated.

    Joined elements are a response that holds all of the messages.
    """
    return chunk(_FIRST, message)


def chunk(tag: bytes, payload: bytes) -> bytes:
    """Return one field: its tag, the payload's length, the payload."""
    return tag + varint(len(payload)) + payload


def read_varint(encoded: bytes, begin: int) -> tuple[int, int]:
    """Decode the unsigned integer at `begin`; return it and the index after it.

    Raises IndexError if it is incomplete or longer than 64 bits need.
    """
    if (first := encoded[begin]) < 0x80:
        return first, begin + 1
    number, shift, at = first & 0x7F, 7, begin
    while encoded[at] & 0x80:
        at += 1
        if shift > 63:
            raise IndexError
        number |= (encoded[at] & 0x7F) << shift
        shift += 7
    return number, at + 1


_FIRST = bytes_tag(1)
