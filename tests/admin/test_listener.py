"""The admin listener: bounded connections."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from socket import create_connection

import pytest

from ordertrail_server.admin.listener import MAX_CONNECTIONS, AdminListener, Page
from ordertrail_server.edge.address import Address, parse_address

PAGE = Page(200, "text/plain", b"ok\n")


@pytest.fixture
def address() -> Iterator[Address]:
    listener = AdminListener(parse_address("127.0.0.1:0"), {"/": PAGE}.get)
    yield listener.address
    listener.stop()


@pytest.fixture
def impatient_address() -> Iterator[Address]:
    listener = AdminListener(parse_address("127.0.0.1:0"), {"/": PAGE}.get, seconds=0.2)
    yield listener.address
    listener.stop()


def read_page(address: Address) -> int:
    with closing(HTTPConnection(address.host, address.port, timeout=20)) as connection:
        connection.request("GET", "/")
        return connection.getresponse().status


def test_connections_beyond_the_limit_are_closed_and_later_ones_are_answered(address: Address) -> None:
    target = address.host, address.port
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            stack.enter_context(create_connection(target, 20))
        with create_connection(target, 20) as refused:
            assert refused.recv(1) == b""
    for _ in range(2 * MAX_CONNECTIONS):  # one place for each is free again
        while True:
            try:
                assert read_page(address) == 200
                break
            except OSError:  # the threads of the closed connections have not ended yet
                continue


def test_caller_that_sends_slowly_is_disconnected(impatient_address: Address) -> None:
    with create_connection((impatient_address.host, impatient_address.port), 20) as slow:
        while True:
            slow.settimeout(0.05)
            try:
                slow.send(b"G")  # never as long a pause as the time limit
                if not slow.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert read_page(impatient_address) == 200
