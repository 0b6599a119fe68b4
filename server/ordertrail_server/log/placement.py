"""Placement: the function from an order id to its partition.

It never changes, because another result would give an order two chains.
"""

from hashlib import sha256


def partition_of(order_id: str, partitions: int) -> int:
    """Return the partition of an order: the first 8 bytes of the SHA-256 of its id, big-endian, modulo the count."""
    if partitions == 1:
        return 0
    return int.from_bytes(sha256(order_id.encode()).digest()[:8]) % partitions
