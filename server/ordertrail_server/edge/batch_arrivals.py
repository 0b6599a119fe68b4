"""Reads the batches of a stream from its connection, as far as memory allows, until the server stops."""

from collections.abc import AsyncIterator

from ordertrail_server.edge.admission import BatchAdmission, ByteReservation
from ordertrail_server.edge.draining import Draining, start_arrival
from ordertrail_server.edge.validation import BATCH_BYTES

# A stream that sends nothing for this time releases the bytes that it has reserved for its next batch.
IDLE_S = 0.2


class BatchArrivals:
    """The batches of one stream. Call `close` after the last one."""

    def __init__(self, requests: AsyncIterator[bytes], admission: BatchAdmission, draining: Draining) -> None:
        self._requests, self._draining = requests, draining
        self._reservation = ByteReservation(admission)

    async def next(self) -> bytes | None:
        """Return the next batch, None at the end of the stream or if the server stops before one arrives.

        The previous batch is finished. Nothing is read from the connection until the bytes of the largest batch are
        reserved, because the size of a batch is known only once it is read.
        """
        self._reservation.release()
        await self._reservation.reserve(BATCH_BYTES)
        arrival = start_arrival(self._requests)
        try:
            await self._draining.wait_until_done_or_draining(arrival, IDLE_S)
            if not arrival.done():
                self._reservation.release()
                await self._draining.wait_until_done_or_draining(arrival)
            # A drain ends only the wait: a batch that was read from its stream must not be lost.
            batch = arrival.result() if arrival.done() else None
        finally:
            arrival.cancel()
        if batch is not None:
            await self._reservation.reserve(len(batch))
        return batch

    def close(self) -> None:
        """Release the bytes of the last batch."""
        self._reservation.release()
