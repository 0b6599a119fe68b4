"""Resolves the hosts of webhooks, and refuses a host unless all of its addresses may be connected to."""

import socket
from asyncio import Semaphore, Task, create_task, shield, timeout
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.webhooks.address_policy import AddressPolicy

RESOLVE_SECONDS = 5.0
MAX_LOOKUPS = 128
"""How many lookups run at once, more than there are webhooks: a host whose lookup hangs holds up no other one.

A lookup that does not end keeps its thread until the operating system gives it up.
"""

AddressInfos = Sequence[tuple[Any, ...]]
LookUp = Callable[[str, int], AddressInfos]


class ResolvedAddress(NamedTuple):
    """An address, and its family as the operating system numbers it."""

    family: int
    host: str


class HostRefused(OSError):
    """The connection is not allowed, or its host is not known. The message says why."""


def look_up(host: str, port: int) -> AddressInfos:
    """Ask the operating system for the addresses of a host. Blocks. Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)


class Resolver:
    """Resolves hosts in threads of its own. Calls that ask for the same host at once share one lookup."""

    def __init__(self, policy: AddressPolicy, look_up: LookUp = look_up) -> None:
        self._policy, self._look_up = policy, look_up
        self._free = Semaphore(MAX_LOOKUPS)
        self._lookups: dict[tuple[str, int], Task[AddressInfos]] = {}

    async def resolve(self, scheme: str, host: str, port: int) -> list[ResolvedAddress]:
        """Return the addresses of a host, each of which was checked. Raises HostRefused."""
        addresses = [ResolvedAddress(info[0], info[4][0]) for info in await self._query(host, port)]
        for address in addresses:
            if refusal := self._policy.find_refusal(scheme, address.host, port):
                raise HostRefused(f"{host}: {refusal}")
        if not addresses:
            raise HostRefused(f"{host} has no address")
        return addresses

    async def _query(self, host: str, port: int) -> AddressInfos:
        try:
            async with timeout(RESOLVE_SECONDS):
                return await shield(self._join_lookup(host, port))
        except TimeoutError:
            raise HostRefused(f"{host} was not resolved in {RESOLVE_SECONDS:.0f} seconds") from None
        except (OSError, UnicodeError) as error:
            raise HostRefused(f"{host} cannot be resolved: {error}") from None

    def _join_lookup(self, host: str, port: int) -> Task[AddressInfos]:
        key = host, port
        if key not in self._lookups:
            self._lookups[key] = create_task(self._run_lookup(host, port))
            self._lookups[key].add_done_callback(lambda lookup: self._note_end(key, lookup))
        return self._lookups[key]

    async def _run_lookup(self, host: str, port: int) -> AddressInfos:
        async with self._free:
            return await run_in_daemon_thread(self._look_up, host, port)

    def _note_end(self, key: tuple[str, int], lookup: Task[AddressInfos]) -> None:
        del self._lookups[key]
        if not lookup.cancelled():
            lookup.exception()  # otherwise asyncio reports it as not retrieved, if nobody waits any more
