"""Checks whether a server can listen on an address, because gRPC gives no reason if it cannot.

gRPC also accepts a host name if only one of its addresses is free, and removes a Unix socket that another server uses.
"""

import errno
import os
import socket
import stat
from pathlib import Path

from ordertrail_server.edge.address import Address

# A name may resolve to addresses of a family that the machine does not support.
UNSUPPORTED = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
REASONS = {
    errno.EADDRINUSE: "another program already listens on it",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "this user has no permission; ports below 1024 need a privilege",
}
SOCKET_REASONS = {
    errno.EADDRINUSE: "its path is a file that is not a socket",
    errno.EACCES: "this user cannot write to its directory",
    errno.ENOENT: "its directory does not exist",
}


def require_bindable(address: Address) -> None:
    """Return if a server can listen on the address. Removes the socket of a killed server. Blocks.

    Raises OSError with the reason.
    """
    try:
        if address.path:
            _bind_socket(address.path)
        else:
            _bind_each(address)
    except OSError as error:
        reasons = SOCKET_REASONS if address.path else REASONS
        reason = reasons.get(error.errno or 0) or error.strerror or str(error)
        raise OSError(f"cannot listen on {address}: {reason}") from error


def _bind_each(address: Address) -> None:
    endpoints = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    errors: list[OSError] = []
    for family, kind, protocol, _, endpoint in endpoints:
        try:
            _bind(family, kind, protocol, endpoint)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            errors.append(error)
    if len(errors) == len(endpoints):
        raise errors[0]


def _bind(family: int, kind: int, protocol: int, endpoint: tuple[object, ...]) -> None:
    with socket.socket(family, kind, protocol) as probe:
        # Like gRPC: connections of an earlier server in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # gRPC listens on [::] for IPv4 as well.
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        probe.bind(endpoint)


def _bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if _is_stale_socket(path):
            path.unlink()
        probe.bind(str(path))
    path.unlink()


def _is_stale_socket(path: Path) -> bool:
    """Return whether the path is a socket without a listener. Raises OSError if it has one."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        code = caller.connect_ex(str(path))
    if code == errno.ECONNREFUSED:
        return True
    raise OSError(None, "another program already listens on it" if code == 0 else os.strerror(code))
