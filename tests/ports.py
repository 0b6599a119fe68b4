"""Free TCP ports of 127.0.0.1 for servers that the tests start, stop and start again."""

import os
from contextlib import ExitStack, suppress
from random import Random
from socket import socket

# Below the ports that systems give to clients and to port 0, so that nobody takes a port while its server is down.
_FIRST, _LAST = 10_000, 32_000
# Test workers that run side by side choose among different ports.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = 4
_random = Random()


def find_free_port() -> int:
    """Return a port on which nothing listens."""
    return find_free_ports(1)[0]


def find_free_ports(count: int) -> list[int]:
    """Return different ports on which nothing listens."""
    ports: list[int] = []
    with ExitStack() as stack:
        while len(ports) < count:
            port = _random.randrange(_FIRST + _WORKER % _WORKERS, _LAST, _WORKERS)
            probe = stack.enter_context(socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
    return ports
