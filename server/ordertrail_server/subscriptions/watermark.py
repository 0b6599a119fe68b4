"""The lowest event that is not done, in each partition."""

from heapq import heapify, heappop, heappush

from ordertrail_server.log.position import LogPosition
from ordertrail_server.subscriptions.order_queue import OrderQueue

FIRST_LIMIT = 1_000
"""The entries from which on a heap is rid of dropped ones."""


class Watermark:
    """Tracks the heads of queues. An entry whose queue has another head by now is dropped when it comes up."""

    def __init__(self, partitions: int) -> None:
        self._heaps: list[list[tuple[int, int, OrderQueue]]] = [[] for _ in range(partitions)]
        self._limits = [FIRST_LIMIT] * partitions
        self._count = 0

    def track(self, queue: OrderQueue) -> None:
        """Note the head of a queue, if it has changed."""
        head = queue.head
        if head is not None and head != queue.lowest:
            self._push(LogPosition.unpack(head).partition, head, queue)
        queue.lowest = head

    def _push(self, partition: int, head: int, queue: OrderQueue) -> None:
        heap = self._heaps[partition]
        if len(heap) >= self._limits[partition]:
            # Entries that were dropped below a head that does not move would never come up.
            heap[:] = [entry for entry in heap if entry[2].lowest == entry[0]]
            heapify(heap)
            self._limits[partition] = max(FIRST_LIMIT, 2 * len(heap))
        self._count += 1
        heappush(heap, (head, self._count, queue))

    def forget(self, queue: OrderQueue) -> None:
        """Stop to wait for a queue, until its head changes."""
        queue.lowest = None

    def lowest(self, partition: int) -> OrderQueue | None:
        """Return the queue with the lowest head of a partition."""
        heap = self._heaps[partition]
        while heap and heap[0][2].lowest != heap[0][0]:
            heappop(heap)
        return heap[0][2] if heap else None
