"""The memory that a parsed order takes, so that caches can be bounded in bytes."""

from ordertrail.v1.order_pb2 import Order

# A parsed order takes five times its serialized size, and a kilobyte more (measured, 1 to 200 lines).
TIMES_SERIALIZED, ORDER_BYTES = 5, 1_024


def memory_of_order(order: Order | None) -> int:
    """Return about how many bytes an order takes in memory, with its entry in a cache."""
    return ORDER_BYTES + (TIMES_SERIALIZED * order.ByteSize() if order else 0)
