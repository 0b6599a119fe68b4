"""The network between the brokers of a cluster: what one sends to another passes here, or waits.

Each broker has names for all of them which it alone resolves so (`hosts_of`, by jdk.net.hosts.file): those of others to
addresses of the loopback network where a relay listens. Clients do not come by here: a broker that is cut off from the
others goes on to answer them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing, suppress
from threading import Thread

CHUNK = 65_536

Relay = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def name_of(broker: int) -> str:
    """Return the name of a broker."""
    return f"broker-{broker}"


class Relays:
    """Relays for the brokers 1 to n, each of which listens on its `ports` of 127.0.0.1."""

    def __init__(self, ports: Sequence[Sequence[int]]) -> None:
        self._ports = dict(enumerate(ports, 1))
        self._joined = {broker: asyncio.Event() for broker in self._ports}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="relays")

    def hosts_of(self, broker: int) -> str:
        """Return the file of host names that a broker is to go by."""
        others = [f"{_address(broker, other)} {name_of(other)}\n" for other in self._ports if other != broker]
        return "".join([f"127.0.0.1 localhost {name_of(broker)}\n", *others])

    def start(self) -> None:
        """Listen for all brokers."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        for broker in self._ports:
            self.join(broker)

    def cut_off(self, broker: int) -> None:
        """Have all that a broker sends to the others wait, and all that they send to it."""
        self._loop.call_soon_threadsafe(self._joined[broker].clear)

    def join(self, broker: int) -> None:
        """Let all pass that waited, and what comes."""
        self._loop.call_soon_threadsafe(self._joined[broker].set)

    def close(self) -> None:
        """Pass nothing any more."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        for here in self._ports:
            for there, ports in self._ports.items():
                for port in ports if there != here else ():
                    relay = self._relay(here, there, port)
                    self._servers.append(await asyncio.start_server(relay, _address(here, there), port))

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # in which connections are let go

    def _relay(self, here: int, there: int, port: int) -> Relay:
        async def passes() -> None:
            for broker in (here, there):
                await self._joined[broker].wait()

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while sent := await source.read(CHUNK):
                    await passes()
                    sink.write(sent)
                    await sink.drain()

        async def relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with closing(sink), suppress(OSError):
                await passes()
                further, back = await asyncio.open_connection("127.0.0.1", port)
                with closing(back):
                    await _first(pump(source, back), pump(further, sink))

        return relay


async def _first(*works: Coroutine[None, None, None]) -> None:
    """Return when one of them is done; the others end with it."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _address(here: int, there: int) -> str:
    return f"127.1.{here}.{there}"
