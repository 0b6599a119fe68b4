"""The chain rule: decides which records of a log count. It is pure and total, so that all folds of a log agree.

A record becomes a link of its order's chain if and only if it names the order's newest link as its predecessor. A link
is a fact (it has an event) or the recorded refusal of a submitted command. This is a compare-and-set for logs without
such an operation, and a hash chain: each record proves the whole history of its order.
"""

from collections.abc import Callable, Collection
from enum import Enum
from hashlib import sha256

NO_PREDECESSOR = b""


class Verdict(Enum):
    """The verdict on a message of the log."""

    FACT = "fact"
    REFUSAL = "refusal"  # the outcome of a submitted command: a link that changes neither state nor version
    VOID = "void"  # late, repeated, or lost a race: no effect
    BROKEN = "broken"  # damage, not a race: the order is parked
    FOREIGN = "foreign"  # not a record of an order of this partition: no effect
    BARRIER = "barrier"  # a writer appended it to find the end of the partition: no effect


LINKS = (Verdict.FACT, Verdict.REFUSAL)
"""The verdicts that make a record the newest link of its order's chain."""

LinksAt = Callable[[int], Collection[bytes]]
"""Returns the digests of an order's links with a version: of the fact with it, and of the refusals after that fact."""


def digest(stored: bytes) -> bytes:
    """Return the digest of a record's stored bytes: the first 16 bytes of their SHA-256."""
    return sha256(stored).digest()[:16]


def judge(
    head_version: int, head: bytes, version: int, previous: bytes, is_refusal: bool, links_at: LinksAt
) -> Verdict:
    """Judge a record of an order that has `version` and names the predecessor `previous`.

    `head` is the digest of the order's newest link, and `head_version` that link's version. An order without links has
    head version 0 and head NO_PREDECESSOR. `links_at` is called only for records that are not links.
    """
    version_before = version if is_refusal else version - 1
    if version_before == head_version and previous == head:
        return Verdict.REFUSAL if is_refusal else Verdict.FACT
    if not 0 <= version_before <= head_version or (previous == NO_PREDECESSOR and version_before > 0):
        return Verdict.BROKEN
    # Every chain begins at NO_PREDECESSOR, which has version 0.
    is_older_link = previous == NO_PREDECESSOR or previous in links_at(version_before)
    return Verdict.VOID if is_older_link else Verdict.BROKEN
