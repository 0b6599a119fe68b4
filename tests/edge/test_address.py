"""What counts as an address, and what is wrong with what does not."""

from pathlib import Path

import pytest

from ordertrail_server.edge.address import Address, parse_address

ADDRESSES = {
    "127.0.0.1:50051": Address("127.0.0.1", 50051),
    "localhost:0": Address("localhost", 0),
    "10.example:1": Address("10.example", 1),
    "orders.example:65535": Address("orders.example", 65535),
    "[::1]:50051": Address("::1", 50051),
    "[::]:0": Address("::", 0),
    "unix:/run/orders.sock": Address(path=Path("/run/orders.sock")),
}
WRONG = {
    "": "it is empty",
    "127.0.0.1": "it has no port",
    "[::1]": "it has no port",
    ":50051": "it has no host",
    "*:50051": "0.0.0.0 stands for all of the machine's",
    "127.1:50051": "is no IPv4 address; write four numbers",
    "127.0.0.256:50051": "is no IPv4 address",
    "127.0.0.1.:50051": "is no IPv4 address",
    "0177.0.0.1:50051": "is no IPv4 address",
    "0x7f.0x1:50051": "is no IPv4 address",
    "2130706433:50051": "is no IPv4 address",
    "::1:50051": "an IPv6 address stands in brackets",
    "[127.0.0.1]:50051": "127.0.0.1 is no IPv6 address",
    "127.0.0.1:": "a port is a number from 0 to 65535",
    "127.0.0.1:99999": "a port is a number from 0 to 65535",
    "127.0.0.1:65536": "a port is a number from 0 to 65535",
    "127.0.0.1:-1": "a port is a number from 0 to 65535",
    "127.0.0.1:+1": "a port is a number from 0 to 65535",
    "127.0.0.1:1e3": "a port is a number from 0 to 65535",
    "127.0.0.1:١": "a port is a number from 0 to 65535",
    "127.0.0.1:" + "9" * 10_000: "a port is a number from 0 to 65535",
    "http://localhost:50051": "is no name of a host",
    "a b:50051": "is no name of a host",
    "a\n:50051": "is no name of a host",
    "\udcff:50051": "is no name of a host",
    "x" * 64 + ":50051": "is no name of a host",
    "unix:": "the path of the socket is empty",
    "unix:/a\0b": "the path of the socket is empty, or has a NUL",
    "unix:/" + "x" * 107: "at most 107 bytes",
    "unix:/" + "é" * 54: "at most 107 bytes",
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_address_is_parsed_and_printed_as_it_was_written(text: str) -> None:
    assert parse_address(text) == ADDRESSES[text]
    assert str(ADDRESSES[text]) == text


@pytest.mark.parametrize("text", WRONG, ids=lambda text: ascii(text[:30]))
def test_wrong_address_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match=WRONG[text]):
        parse_address(text)


def test_printed_address_of_a_socket_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/tmp")
    assert str(parse_address("unix:orders.sock")) == "unix:/tmp/orders.sock"
    assert str(parse_address("unix:///run/orders.sock")) == "unix:/run/orders.sock"


def test_port_that_was_taken_for_any_free_one_is_printed() -> None:
    assert str(parse_address("[::1]:0").with_port(1234)) == "[::1]:1234"
    assert str(parse_address("unix:/run/orders.sock").with_port(1)) == "unix:/run/orders.sock"


def test_nobody_can_be_called_on_port_0() -> None:
    with pytest.raises(ValueError, match="a port is a number from 1 to 65535"):
        parse_address("127.0.0.1:0", first_port=1)
