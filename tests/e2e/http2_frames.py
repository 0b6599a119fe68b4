"""Frames and headers of HTTP/2 (RFC 9113), for tests that write them themselves."""

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
ACK, END_STREAM, END_HEADERS = 1, 1, 4


def build_frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame: RFC 9113, section 4.1."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def encode_headers(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return a header block of literals without an index: RFC 7541, section 6.2.2. Names and values are short."""
    return b"".join(b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value for name, value in headers)
