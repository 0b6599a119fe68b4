"""The addresses of a server: a host and a port, or a Unix socket."""

from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from pathlib import Path

FORMS = "HOST:PORT, [IPV6]:PORT or unix:PATH"
"""The forms of an address, for messages to users."""

LAST_PORT = 65_535
SOCKET_PATH_BYTES = 107
"""The longest path of a Unix socket (unix(7))."""

UNIX = "unix:"
WILDCARDS = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the server, printed in gRPC's form.

    A Unix socket has a `path`, any other address `host` and `port`.
    """

    host: str = ""
    port: int = 0
    path: Path | None = None

    @property
    def is_wildcard(self) -> bool:
        """True if it stands for all addresses of this machine, so that no other machine can connect to it."""
        return not self.path and self.host in WILDCARDS

    def with_port(self, port: int) -> "Address":
        """Return the same address with the port that the server listens on."""
        return self if self.path else replace(self, port=port)

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach it. Of a name other than localhost that is not known."""
        if self.path or self.host == "localhost":
            return True
        try:
            address = ip_address(self.host)
            return (getattr(address, "ipv4_mapped", None) or address).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.path:
            return f"{UNIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, *, first_port: int = 0) -> Address:
    """Parse the text of an address. Raises ValueError with the reason."""
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
        raise ValueError("the path of the socket is empty or has a NUL character")
    # Absolute, so that a caller in another directory finds it. For gRPC, unix:///PATH is the same as unix:/PATH.
    path = Path(name.replace("///", "/", 1) if name.startswith("///") else name).absolute()
    if len(str(path).encode(errors="surrogateescape")) > SOCKET_PATH_BYTES:
        raise ValueError(f"the path of the socket has more than {SOCKET_PATH_BYTES} bytes")
    return path


def _parse_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        if not _is_ipv6(host[1:-1]):
            raise ValueError(f"{host[1:-1]} is not an IPv6 address")
        return host[1:-1]
    if _is_ipv6(host):
        raise ValueError("an IPv6 address must be in brackets, as in [::1]:50051")
    if not host:
        raise ValueError("it has no host; write 0.0.0.0 for all addresses of this machine")
    if host == "*":
        raise ValueError("* is not a host name; write 0.0.0.0 for all addresses of this machine")
    if _ends_in_number(host) and not _is_ipv4(host):
        raise ValueError(f"{host!r} is not an IPv4 address; write four numbers from 0 to 255, as in 127.0.0.1")
    if not host.isprintable() or any(character in host for character in " :/[]@?#%,") or not _is_idna(host):
        raise ValueError(f"{host!r} is not a host name")
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
    """Return whether a host is an IPv4 address or resembles one, by the definition of the WHATWG's URL standard.

    The system's resolver accepts 127.1, 2130706433 and 0x7f.1 as addresses, gRPC's does not.
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
        raise ValueError(f"the port must be a number from {first} to {LAST_PORT}")
    return int(port)
