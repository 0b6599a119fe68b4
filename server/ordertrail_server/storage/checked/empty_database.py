"""An empty SQLite file whose pages have room for checksums.

SQLite reserves bytes in each page only on request by a function that Python's module lacks. It keeps the number that a
file has, also after VACUUM.
"""

from functools import cache
from struct import iter_unpack, pack

from ordertrail_server.storage.checked.vfs import RESERVED_BYTES

PAGE_BYTES = 4096

# sqlite.org/fileformat.html, sections 1.3 and 1.6.
_HEADER = ">16sH6B12I20x2I"
_TABLE_LEAF = ">BHHHB"
_WAL_VERSION = 2
_SCHEMA_FORMAT = 4
_UTF_8 = 1
_SQLITE_VERSION = 3_053_004
_LEAF_TYPE = 13


@cache
def build_empty_database() -> bytes:
    """Return the only page of a database without tables, in WAL mode, with reserved bytes and its checksum."""
    usable_bytes = PAGE_BYTES - RESERVED_BYTES
    page = (_build_header() + pack(_TABLE_LEAF, _LEAF_TYPE, 0, 0, usable_bytes, 0)).ljust(usable_bytes, b"\0")
    return page + compute_checksum(page)


def compute_checksum(content: bytes) -> bytes:
    """Return the checksum that the VFS stores after the content of a page."""
    return pack("<II", *sum_words(content))


def sum_words(content: bytes) -> tuple[int, int]:
    """Return the two sums over 32-bit little-endian words of which SQLite's checksums consist."""
    first = second = 0
    for even, odd in iter_unpack("<II", content):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def _build_header() -> bytes:
    settings = (_WAL_VERSION, _WAL_VERSION, RESERVED_BYTES, 64, 32, 32)
    change_counter, pages, cookie = 1, 1, 0
    counters = (change_counter, pages, 0, 0, cookie, _SCHEMA_FORMAT, 0, 0, _UTF_8, 0, 0, 0)
    return pack(_HEADER, b"SQLite format 3\0", PAGE_BYTES, *settings, *counters, change_counter, _SQLITE_VERSION)
