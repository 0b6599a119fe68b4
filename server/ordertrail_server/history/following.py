"""A read model that another process fills: how far it is, found by looking."""

from asyncio import sleep
from contextlib import suppress

from ordertrail_server.history.progress import Progress
from ordertrail_server.history.read_model import ReadModel
from ordertrail_server.orders.refusal import Refused

LOOK_S = 0.02


async def follow_positions(model: ReadModel, progress: Progress) -> None:
    """Advance the progress with the read model, for ever."""
    while True:
        with suppress(Refused):  # there is none yet
            progress.advance(dict(enumerate(await model.read(model.positions))))
        await sleep(LOOK_S)
