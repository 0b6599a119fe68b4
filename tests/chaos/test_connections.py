"""Connections of another process to given ports are cut for both peers, and no others."""

import sys
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from subprocess import PIPE, Popen

import pytest
from tests.chaos.connections import cut_connections

# Connects to both ports, and prints what it receives from the first.
CHILD = """
import socket, sys
cut, spared = (socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:])
print(cut.recv(1), flush=True)
sys.stdin.read()
"""
TIMEOUT_S = 20.0


@pytest.fixture
def listeners() -> Iterator[tuple[socket, socket]]:
    with closing(socket()) as first, closing(socket()) as second:
        for listener in (first, second):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(TIMEOUT_S)
        yield first, second


def test_cut_connection_ends_for_both_peers_and_others_stay_open(listeners: tuple[socket, socket]) -> None:
    cut_port, spared_port = (listener.getsockname()[1] for listener in listeners)
    process = Popen([sys.executable, "-c", CHILD, str(cut_port), str(spared_port)], stdin=PIPE, stdout=PIPE)
    with (
        process as child,
        closing(listeners[0].accept()[0]) as cut_peer,
        closing(listeners[1].accept()[0]) as spared_peer,
    ):
        cut_peer.settimeout(TIMEOUT_S)
        spared_peer.setblocking(False)
        try:
            assert cut_connections(child.pid, {cut_port}) == 1
        except PermissionError:
            pytest.skip("this system does not permit pidfd_getfd")
        assert cut_peer.recv(1) == b""
        assert child.stdout is not None
        assert child.stdout.readline() == b"b''\n"
        with pytest.raises(BlockingIOError):
            spared_peer.recv(1)
