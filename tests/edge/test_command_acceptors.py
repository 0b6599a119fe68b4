"""How the calls of one rpc are accepted, handled and refused."""

import asyncio
from contextlib import suppress

import pytest

from ordertrail_server.edge.command_acceptors import FEWEST, MOST, CommandAcceptors
from ordertrail_server.edge.command_load import CommandLoad


class Stopped(Exception):
    pass


class Library:
    """Calls that arrive, and what becomes of them."""

    def __init__(self, load: CommandLoad) -> None:
        self.arrived: asyncio.Queue[str | None] = asyncio.Queue()
        self.handled, self.refused = list[str](), list[str]()
        self.waiting = self.most_waiting = 0
        self.ends = asyncio.Event()
        self.acceptors = CommandAcceptors(load, self._request, lambda _: 1.0, self._handle, self._refuse)

    async def _request(self) -> str:
        self.waiting += 1
        self.most_waiting = max(self.waiting, self.most_waiting)
        try:
            await asyncio.sleep(0)  # the library reports a call in a later round of the event loop
            call = await self.arrived.get()
        finally:
            self.waiting -= 1
        if call is None:
            raise Stopped
        return call

    def _handle(self, call: str) -> "asyncio.Task[None]":
        async def end() -> None:
            await self.ends.wait()

        self.handled.append(call)
        return asyncio.create_task(end())

    async def _refuse(self, call: str) -> None:
        self.refused.append(call)


class StatedLoad(CommandLoad):
    """A load that refuses as the test says."""

    is_refusing = False

    def refuses(self, time_remaining: float | None) -> bool:
        assert time_remaining == 1.0
        return self.is_refusing


async def take_all(library: Library, calls: list[str]) -> None:
    for call in calls:
        library.arrived.put_nowait(call)
    async with asyncio.timeout(30):
        while len(library.handled) + len(library.refused) < len(calls):  # noqa: ASYNC110 (nothing reports it)
            await asyncio.sleep(0)


async def test_each_call_is_handled_or_refused_once_and_loops_are_bounded() -> None:
    load = StatedLoad()
    library = Library(load)
    running = asyncio.create_task(library.acceptors.run())
    calls = [f"{number}" for number in range(100)]
    await take_all(library, calls)
    assert sorted(library.handled) == sorted(calls)
    assert library.most_waiting == FEWEST
    load.is_refusing = True
    library.handled.clear()
    refused_calls = [f"{number}" for number in range(3 * MOST)]
    await take_all(library, refused_calls)
    assert sorted(library.refused) == sorted(refused_calls)
    assert FEWEST < library.most_waiting <= MOST + 1
    load.is_refusing = False
    library.refused.clear()
    await take_all(library, refused_calls)
    assert sorted(library.handled) == sorted(refused_calls)
    assert library.waiting == FEWEST
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_end_of_the_library_ends_all_loops_with_its_error() -> None:
    library = Library(StatedLoad())
    library.arrived.put_nowait(None)
    async with asyncio.timeout(30):
        with pytest.raises(Stopped):
            await library.acceptors.run()
    assert library.waiting == 0


async def test_handled_calls_count_until_they_end() -> None:
    class CountingLoad(StatedLoad):
        count = 0

        def note_begin(self) -> None:
            self.count += 1

        def note_end(self, _: object = None) -> None:
            self.count -= 1

    load = CountingLoad()
    library = Library(load)
    running = asyncio.create_task(library.acceptors.run())
    await take_all(library, ["a", "b"])
    assert load.count == 2
    library.ends.set()
    async with asyncio.timeout(30):
        while load.count:  # noqa: ASYNC110 (nothing reports it)
            await asyncio.sleep(0)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
