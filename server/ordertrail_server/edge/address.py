"""The addresses of a server: a host and a port, or a Unix socket."""

from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from pathlib import Path

FORMS = "HOST:PORT, [IPV6]:PORT or unix:PATH"
"""What an address looks like, for messages to users."""

LAST_PORT = 65_535
SOCKET_PATH_BYTES = 107
"""How long the path of a Unix socket may be (unix(7))."""

UNIX = "unix:"


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the server; its text has gRPC's form.

    Of a Unix socket `path` is set, otherwise `host` and `port`.
    """

    host: str = ""
    port: int = 0
    path: Path | None = None

    def with_port(self, port: int) -> "Address":
        """Return the same address with the port that the server was given."""
        return self if self.path else replace(self, port=port)

    def __str__(self) -> str:
        if self.path:
            return f"{UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, *, first_port: int = 0) -> Address:
    """Return the address that a text names. Raises ValueError with the reason."""
    if not text.strip():
        raise ValueError("it is empty")
    if text.startswith(UNIX):
        return Address(path=_parse_socket_path(text.removeprefix(UNIX)))
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        raise ValueError("it has no port")
    return Address(_parse_host(host), _parse_port(port, first_port))


def _parse_socket_path(name: str) -> Path:
    if not name or "\0" in name:
        raise ValueError("the path of the socket is empty, or has a NUL character in it")
    # Absolute, so that a caller in another directory finds it; gRPC takes unix:///PATH for unix:/PATH.
    path = Path(name.replace("///", "/", 1) if name.startswith("///") else name).absolute()
    if len(str(path).encode(errors="surrogateescape")) > SOCKET_PATH_BYTES:
        raise ValueError(f"the path of a socket has at most {SOCKET_PATH_BYTES} bytes")
    return path


def _parse_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        if not _is_ipv6(host[1:-1]):
            raise ValueError(f"{host[1:-1]} is no IPv6 address")
        return host[1:-1]
    if _is_ipv6(host):
        raise ValueError("an IPv6 address stands in brackets")
    if not host:
        raise ValueError("it has no host; 0.0.0.0 stands for all of the machine's")
    if host == "*":
        raise ValueError("* is no name of a host; 0.0.0.0 stands for all of the machine's")
    if _ends_in_number(host) and not _is_ipv4(host):
        raise ValueError(f"{host!r} is no IPv4 address; write four numbers from 0 to 255, as in 127.0.0.1")
    if not host.isprintable() or any(character in host for character in " :/[]@?#%,") or not _is_idna(host):
        raise ValueError(f"{host!r} is no name of a host")
    return host


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except AddressValueError:
        return False
    return True


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True


def _ends_in_number(host: str) -> bool:
    """Return whether a host is an IPv4 address or means to be one, as the WHATWG's URL standard has it.

    The system's resolver takes 127.1, 2130706433 and 0x7f.1 for addresses, gRPC's does not.
    """
    last = host.removesuffix(".").rpartition(".")[2].lower()
    return last.isascii() and (last.isdigit() or last.startswith("0x"))


def _is_idna(host: str) -> bool:
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _parse_port(port: str, first: int) -> int:
    if not (port.isascii() and port.isdigit()) or not first <= int(port[:6]) <= LAST_PORT:
        raise ValueError(f"a port is a number from {first} to {LAST_PORT}")
    return int(port)
