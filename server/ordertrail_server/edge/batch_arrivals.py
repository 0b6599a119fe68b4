"""How the batches of a stream are taken from its connection: if there is room for them, until the server stops."""

import asyncio
from collections.abc import AsyncIterator

from ordertrail_server.edge.admission import BatchAdmission, Room
from ordertrail_server.edge.draining import Draining
from ordertrail_server.edge.validation import BATCH_BYTES

# A stream that has sent nothing for so long keeps no room for a batch that may come.
SILENT_S = 0.02


class BatchArrivals:
    """The batches of one stream. `close` is to be called when no more are taken."""

    def __init__(self, requests: AsyncIterator[bytes], admission: BatchAdmission, draining: Draining) -> None:
        self._requests, self._draining = requests, draining
        self._room = Room(admission)

    async def next(self) -> bytes | None:
        """Return the next batch; None if none comes any more, or the server stops and none has come.

        The batch before it is done with. Nothing is taken from the connection until there is room for the largest
        batch, because only then its size is known.
        """
        self._room.release()
        await self._room.reserve(BATCH_BYTES)
        arrival = asyncio.ensure_future(_next_or_none(self._requests))
        arrival.add_done_callback(_retrieve_exception)
        try:
            await self._draining.wait_unless_begun(arrival, SILENT_S)
            if not arrival.done():
                self._room.release()
                await self._draining.wait_unless_begun(arrival)
            # A batch that was taken from its stream would be lost; a drain ends only the wait for one.
            batch = arrival.result() if arrival.done() else None
        finally:
            arrival.cancel()
        await self._room.reserve(len(batch or b""))
        return batch

    def close(self) -> None:
        """Give back the room of the last batch."""
        self._room.release()


async def _next_or_none(requests: AsyncIterator[bytes]) -> bytes | None:
    return await anext(requests, None)


def _retrieve_exception(arrival: "asyncio.Future[bytes | None]") -> None:
    # If the caller has gone, the call is cancelled as well, and nobody looks at what its last read raised.
    if not arrival.cancelled():
        arrival.exception()
