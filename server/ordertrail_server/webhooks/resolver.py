"""Resolves the hosts of webhooks, and refuses a host unless all of its addresses may be connected to."""

import socket
from asyncio import Semaphore, get_running_loop, timeout
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.webhooks.address_policy import AddressPolicy

RESOLVE_SECONDS = 5.0
MAX_LOOKUPS = 32
"""How many lookups run at once. One that does not end keeps its thread until the operating system gives it up."""

LookUp = Callable[[str, int], Sequence[tuple[Any, ...]]]


class ResolvedAddress(NamedTuple):
    """An address, and its family as the operating system numbers it."""

    family: int
    host: str


class HostRefused(OSError):
    """The connection is not allowed, or its host is not known. The message says why."""


def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
    """Ask the operating system for the addresses of a host. Blocks. Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class Resolver:
    """Resolves hosts in threads of its own."""

    def __init__(self, policy: AddressPolicy, look_up: LookUp = look_up) -> None:
        self._policy, self._look_up = policy, look_up
        self._free = Semaphore(MAX_LOOKUPS)

    async def resolve(self, scheme: str, host: str, port: int) -> list[ResolvedAddress]:
        """Return the addresses of a host, each of which was checked. Raises HostRefused."""
        addresses = [ResolvedAddress(info[0], info[4][0]) for info in await self._query(host, port)]
        for address in addresses:
            if refusal := self._policy.find_refusal(scheme, address.host, port):
                raise HostRefused(f"{host}: {refusal}")
        if not addresses:
            raise HostRefused(f"{host} has no address")
        return addresses

    async def _query(self, host: str, port: int) -> Sequence[tuple[Any, ...]]:
        try:
            async with timeout(RESOLVE_SECONDS):
                await self._free.acquire()
                release = partial(get_running_loop().call_soon_threadsafe, self._free.release)
                return await run_in_daemon_thread(self._look_up_and, release, host, port)
        except TimeoutError:
            raise HostRefused(f"{host} was not resolved in {RESOLVE_SECONDS:.0f} seconds") from None
        except (OSError, UnicodeError) as error:
            raise HostRefused(f"{host} cannot be resolved: {error}") from None

    def _look_up_and(self, release: Callable[[], object], host: str, port: int) -> Sequence[tuple[Any, ...]]:
        try:
            return self._look_up(host, port)
        finally:
            with suppress(RuntimeError):  # the loop is closed
                release()
