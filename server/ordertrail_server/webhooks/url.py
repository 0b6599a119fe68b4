"""Which URLs a webhook may have. Pure.

The rules are narrow, so that two readers of a URL cannot differ about its host: no user, no fragment, no character
that is escaped or read in more than one way. A number as host must be an address in its usual form.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

MAX_URL = 2048

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)"
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class UrlRefused(ValueError):
    """A webhook cannot have this URL. The message says why."""


class WebhookUrl(NamedTuple):
    """The parts of a URL. `address` is its host if that is an address, otherwise None."""

    scheme: str
    host: str
    port: int
    address: IPv4Address | IPv6Address | None


def parse_url(text: str) -> WebhookUrl:
    """Return the parts of a webhook's URL. Raises UrlRefused."""
    match = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if match is None:
        raise UrlRefused(
            f"must be https://HOST[:PORT][/PATH][?QUERY] of at most {MAX_URL:,} ASCII characters, without a user, a "
            "fragment, and characters that need escapes"
        )
    scheme, host = match["scheme"], match["host"]
    port = int(match["port"]) if match["port"] else {"https": 443, "http": 80}[scheme]
    if not 1 <= port <= 65535:
        raise UrlRefused("has a port that is not between 1 and 65535")
    return WebhookUrl(scheme, host.strip("[]"), port, _read_address(host))


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    if not host.startswith("["):
        labels = host.removesuffix(".").split(".")
        if not all(_LABEL.fullmatch(label) for label in labels):
            raise UrlRefused(f"has a host that is not a name of the DNS: {host}")
        if not _NUMBER.fullmatch(labels[-1]):
            return None
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        raise UrlRefused(f"has a number as host that is not an address in its usual form: {host}") from None
