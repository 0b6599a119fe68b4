"""The URLs from which keys may be fetched."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit


def find_url_fault(url: str) -> str:
    """Return why keys must not be fetched from a URL, or "" if they may."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        return "is not a URL"
    if not parts.hostname or not port_is_valid or "@" in parts.netloc or parts.fragment or not url.isascii():
        return "must be a URL with a host, and without user, fragment and characters beyond ASCII"
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts)):
        return "must begin with https://; http:// is for this machine only, because anybody between could replace keys"
    return ""


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
