"""The chain rule: decides which records of a log are facts. It is pure and total, so that all folds of a log agree.

A record becomes a fact if and only if it names its order's newest fact as its predecessor. This is a compare-and-set
for logs without such an operation, and a hash chain: each record proves the whole history of its order.
"""

from collections.abc import Callable
from enum import Enum
from hashlib import sha256

NO_PREDECESSOR = b""


class Verdict(Enum):
    """The verdict on a readable record of an order."""

    FACT = "fact"
    VOID = "void"  # late, repeated, or lost a race: no effect
    BROKEN = "broken"  # damage, not a race: the order is parked


def digest(stored: bytes) -> bytes:
    """Return the digest of a record's stored bytes: the first 16 bytes of their SHA-256."""
    return sha256(stored).digest()[:16]


def judge(
    head_version: int, head: bytes, version: int, previous: bytes, digest_of: Callable[[int], bytes | None]
) -> Verdict:
    """Judge a record that names the predecessor `previous` and has `version`, of an order whose newest fact is `head`.

    An order without facts has head version 0 and head NO_PREDECESSOR. `digest_of` returns the digest of the order's
    fact of a version below the head's; it is called only for records that are not facts.
    """
    if version == head_version + 1 and previous == head:
        return Verdict.FACT
    if 1 <= version <= head_version and previous == (digest_of(version - 1) if version > 1 else NO_PREDECESSOR):
        return Verdict.VOID
    return Verdict.BROKEN
