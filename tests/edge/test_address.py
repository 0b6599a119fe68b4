"""Texts that are addresses, and the reasons why others are not."""

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
INVALID = {
    "": "it is empty",
    "127.0.0.1": "it has no port",
    "[::1]": "it has no port",
    ":50051": "it has no host",
    "*:50051": "write 0.0.0.0 for all addresses of this machine",
    "127.1:50051": "is not an IPv4 address; write four numbers",
    "127.0.0.256:50051": "is not an IPv4 address",
    "127.0.0.1.:50051": "is not an IPv4 address",
    "0177.0.0.1:50051": "is not an IPv4 address",
    "0x7f.0x1:50051": "is not an IPv4 address",
    "2130706433:50051": "is not an IPv4 address",
    "::1:50051": "an IPv6 address must be in brackets",
    "[127.0.0.1]:50051": "127.0.0.1 is not an IPv6 address",
    "127.0.0.1:": "the port must be a number from 0 to 65535",
    "127.0.0.1:99999": "the port must be a number from 0 to 65535",
    "127.0.0.1:65536": "the port must be a number from 0 to 65535",
    "127.0.0.1:-1": "the port must be a number from 0 to 65535",
    "127.0.0.1:+1": "the port must be a number from 0 to 65535",
    "127.0.0.1:1e3": "the port must be a number from 0 to 65535",
    "127.0.0.1:١": "the port must be a number from 0 to 65535",
    "127.0.0.1:" + "9" * 10_000: "the port must be a number from 0 to 65535",
    "http://localhost:50051": "is not a host name",
    "a b:50051": "is not a host name",
    "a\n:50051": "is not a host name",
    "\udcff:50051": "is not a host name",
    "x" * 64 + ":50051": "is not a host name",
    "unix:": "the path of the socket is empty",
    "unix:/a\0b": "the path of the socket is empty or has a NUL",
    "unix:/" + "x" * 107: "more than 107 bytes",
    "unix:/" + "é" * 54: "more than 107 bytes",
}


@pytest.mark.parametrize("text", ADDRESSES)
def test_printed_address_equals_the_parsed_text(text: str) -> None:
    assert parse_address(text) == ADDRESSES[text]
    assert str(ADDRESSES[text]) == text


@pytest.mark.parametrize("text", INVALID, ids=lambda text: ascii(text[:30]))
def test_invalid_address_is_refused_with_reason(text: str) -> None:
    with pytest.raises(ValueError, match=INVALID[text]):
        parse_address(text)


def test_printed_path_of_socket_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/tmp")
    assert str(parse_address("unix:orders.sock")) == "unix:/tmp/orders.sock"
    assert str(parse_address("unix:///run/orders.sock")) == "unix:/run/orders.sock"


def test_address_is_printed_with_its_assigned_port() -> None:
    assert str(parse_address("[::1]:0").with_port(1234)) == "[::1]:1234"
    assert str(parse_address("unix:/run/orders.sock").with_port(1)) == "unix:/run/orders.sock"


def test_port_0_is_refused_if_a_real_port_is_required() -> None:
    with pytest.raises(ValueError, match="the port must be a number from 1 to 65535"):
        parse_address("127.0.0.1:0", first_port=1)
