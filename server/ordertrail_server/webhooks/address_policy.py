"""Which addresses a webhook may connect to (against server-side request forgery). Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED, _NAT64 = IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")
# Networks that the standard library counts as global, or that hide an IPv4 address: compatible addresses, NAT64 with a
# local prefix, 6to4, Teredo, addresses that were once local to a site, and newer addresses for documentation. Of IPv4:
# addresses of protocols, some of which belong to the nearest gateway, and the relays of 6to4.
_REFUSED_IPV6 = ("::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10", "3fff::/20")
_REFUSED_IPV4 = ("192.0.0.0/24", "192.88.99.0/24")
_REFUSED = tuple(map(ip_network, (*_REFUSED_IPV6, *_REFUSED_IPV4)))

FIRST_FREE_PORT = 1024
MAX_REASON = 100


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a text such as `10.0.0.0/8,::1`. Raises ValueError."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",")) if text.strip() else ()
    except ValueError as error:
        raise ValueError(str(error)[:MAX_REASON]) from None  # it repeats the text


class AddressPolicy:
    """`allowed_networks` may be reached although they are private, on every port, and without TLS."""

    def __init__(self, allowed_networks: Sequence[Network] = ()) -> None:
        self.allowed_networks = allowed_networks

    def find_refusal(self, scheme: str, host: str, port: int) -> str:
        """Return why an address, as text, may not be connected to; empty if it may."""
        try:
            address = ip_address(host)
        except ValueError:
            return f"{host} is not an address"
        if getattr(address, "scope_id", None):
            return f"{host} is an address of one interface"
        address = _unwrap(address)
        if any(address in network for network in self.allowed_networks if network.version == address.version):
            return ""
        if not _is_public(address):
            return f"{host} is a private address, which the operator does not allow (--webhook-allow)"
        if scheme != "https":
            return f"{host} is not in a network that the operator allows without TLS (--webhook-allow)"
        if port != 443 and port < FIRST_FREE_PORT:
            return f"port {port} is neither 443 nor above {FIRST_FREE_PORT - 1}"
        return ""


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that the operating system or a gateway connects to instead."""
    if isinstance(address, IPv6Address) and (address in _MAPPED or address in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)
