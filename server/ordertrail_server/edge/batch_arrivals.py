"""Reads the batches of a stream from its connection, as far as memory allows, until the server stops."""

import asyncio
from collections.abc import AsyncIterator

from ordertrail_server.edge.admission import BatchAdmission, ByteReservation
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.validation import BATCH_BYTES

# A stream that sends nothing for so long releases the bytes that it has reserved for its next batch.
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
        arrival = asyncio.ensure_future(_next_or_none(self._requests))
        arrival.add_done_callback(_retrieve_exception)
        try:
            await self._draining.wait_until_done_or_begun(arrival, IDLE_S)
            if not arrival.done():
                self._reservation.release()
                await self._draining.wait_until_done_or_begun(arrival)
            # A drain ends only the wait: a batch that was read from its stream must not be lost.
            batch = arrival.result() if arrival.done() else None
        finally:
            arrival.cancel()
        await self._reservation.reserve(len(batch or b""))
        return batch

    def close(self) -> None:
        """Release the bytes of the last batch."""
        self._reservation.release()


async def _next_or_none(requests: AsyncIterator[bytes]) -> bytes | None:
    return await anext(requests, None)


def _retrieve_exception(arrival: "asyncio.Future[bytes | None]") -> None:
    # If the caller has gone, the call is cancelled too, and no code retrieves what its last read raised.
    if not arrival.cancelled():
        arrival.exception()
