"""The network between the brokers of a cluster: relays forward the data between two brokers, or hold it back.

Each broker has its own hosts file (`hosts_of`, for jdk.net.hosts.file). It resolves the names of the other brokers to
loopback addresses where relays listen. Clients do not use the relays, so a broker that is cut off from the others still
answers clients.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import closing, suppress
from threading import Thread

CHUNK = 65_536

Relay = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def broker_name(broker: int) -> str:
    """Return the name of a broker."""
    return f"broker-{broker}"


class Relays:
    """Relays between the brokers 1 to n. Each broker listens on its `ports` of 127.0.0.1."""

    def __init__(self, ports: Sequence[Sequence[int]]) -> None:
        self._ports = dict(enumerate(ports, 1))
        self._joined = {broker: asyncio.Event() for broker in self._ports}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="relays")

    def hosts_of(self, broker: int) -> str:
        """Return the content of a broker's hosts file."""
        other_brokers = [
            f"{_address(broker, number)} {broker_name(number)}\n" for number in self._ports if number != broker
        ]
        return "".join([f"127.0.0.1 localhost {broker_name(broker)}\n", *other_brokers])

    def start(self) -> None:
        """Start to listen and forward for all brokers."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        for broker in self._ports:
            self.join(broker)

    def cut_off(self, broker: int) -> None:
        """Hold back all data between a broker and the others."""
        self._loop.call_soon_threadsafe(self._joined[broker].clear)

    def join(self, broker: int) -> None:
        """Forward the buffered data, and later data."""
        self._loop.call_soon_threadsafe(self._joined[broker].set)

    def close(self) -> None:
        """Stop forwarding."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        for source in self._ports:
            for target, ports in self._ports.items():
                for port in ports if target != source else ():
                    relay = self._relay(source, target, port)
                    self._servers.append(await asyncio.start_server(relay, _address(source, target), port))

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # closes the connections

    def _relay(self, source: int, target: int, port: int) -> Relay:
        async def wait_joined() -> None:
            for broker in (source, target):
                await self._joined[broker].wait()

        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while chunk := await reader.read(CHUNK):
                    await wait_joined()
                    writer.write(chunk)
                    await writer.drain()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer), suppress(OSError):
                await wait_joined()
                target_reader, target_writer = await asyncio.open_connection("127.0.0.1", port)
                with closing(target_writer):
                    await _run_until_first_ends(pump(reader, target_writer), pump(target_reader, writer))

        return relay


async def _run_until_first_ends(*works: Coroutine[None, None, None]) -> None:
    """Return once one of the coroutines has ended, and cancel the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _address(source: int, target: int) -> str:
    return f"127.1.{source}.{target}"
