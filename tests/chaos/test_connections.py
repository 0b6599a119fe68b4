"""Connections of another process are cut for both ends, and only those that are meant."""

import sys
from collections.abc import Iterator
from contextlib import closing
from socket import socket
from subprocess import PIPE, Popen

import pytest
from tests.chaos.connections import cut

# Connects to both ports, and says what becomes of the connection to the first.
CHILD = """
import socket, sys
meant, spared = (socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:])
print(meant.recv(1), flush=True)
sys.stdin.read()
"""
SOON_S = 20.0


@pytest.fixture
def listeners() -> Iterator[tuple[socket, socket]]:
    with closing(socket()) as one, closing(socket()) as other:
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            listener.settimeout(SOON_S)
        yield one, other


def test_both_ends_see_the_connection_end_and_others_stay(listeners: tuple[socket, socket]) -> None:
    meant, spared = (listener.getsockname()[1] for listener in listeners)
    started = Popen([sys.executable, "-c", CHILD, str(meant), str(spared)], stdin=PIPE, stdout=PIPE)
    with started as child, closing(listeners[0].accept()[0]) as ours, closing(listeners[1].accept()[0]) as kept:
        ours.settimeout(SOON_S)
        kept.setblocking(False)
        try:
            assert cut(child.pid, {meant}) == 1
        except PermissionError:
            pytest.skip("this system lets nobody reach into another process")
        assert ours.recv(1) == b""
        assert child.stdout is not None
        assert child.stdout.readline() == b"b''\n"
        with pytest.raises(BlockingIOError):
            kept.recv(1)
