"""Cut the connections of another process, which must be a child of this one unless this one runs as root.

This process duplicates the sockets of the other one (pidfd_getfd, Linux 5.6 or newer) and shuts them down. Both peers
see the end of the connection, as if the network dropped it.
"""

import ctypes
import errno
import os
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import SHUT_RDWR, socket

_PIDFD_GETFD = 438
_libc = ctypes.CDLL(None, use_errno=True)


def cut_connections(pid: int, ports: Collection[int]) -> int:
    """Shut down all TCP connections of a process to these ports, and return their number. Raises OSError."""
    count = 0
    for connection in _sockets(pid):
        with closing(connection), suppress(OSError):  # neither listening nor local sockets have a peer with a port
            peer = connection.getpeername()
            if isinstance(peer, tuple) and peer[1] in ports:
                connection.shutdown(SHUT_RDWR)
                count += 1
    return count


def _sockets(pid: int) -> Iterator[socket]:
    process = os.pidfd_open(pid)
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with _ignore_closed_descriptor():
                if os.readlink(link).startswith("socket:"):
                    yield socket(fileno=_duplicate(process, int(link.name)))
    finally:
        os.close(process)


@contextmanager
def _ignore_closed_descriptor() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EBADF):
            raise


def _duplicate(process: int, number: int) -> int:
    duplicate = _libc.syscall(_PIDFD_GETFD, process, number, 0)
    if duplicate < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(duplicate)
