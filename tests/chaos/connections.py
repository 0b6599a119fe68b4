"""Cuts the connections of another process, which must be a child of this one (or this one runs as root).

Its sockets are duplicated into this process (pidfd_getfd, Linux 5.6 or newer) and shut down: both ends see the
connection end, as by a network that drops it.
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


def cut(pid: int, ports: Collection[int]) -> int:
    """End all TCP connections of a process to these ports, and return how many there were. Raises OSError."""
    cut = 0
    for connection in _sockets(pid):
        with closing(connection), suppress(OSError):  # neither listening nor local sockets have a peer with a port
            peer = connection.getpeername()
            if isinstance(peer, tuple) and peer[1] in ports:
                connection.shutdown(SHUT_RDWR)
                cut += 1
    return cut


def _sockets(pid: int) -> Iterator[socket]:
    process = os.pidfd_open(pid)
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with _closed_meanwhile():
                if os.readlink(link).startswith("socket:"):
                    yield socket(fileno=_duplicate(process, int(link.name)))
    finally:
        os.close(process)


@contextmanager
def _closed_meanwhile() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EBADF):
            raise


def _duplicate(process: int, number: int) -> int:
    ours = _libc.syscall(_PIDFD_GETFD, process, number, 0)
    if ours < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(ours)
