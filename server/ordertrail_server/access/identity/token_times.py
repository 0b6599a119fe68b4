"""When a token is valid: `nbf`, `exp` and `iat` of RFC 7519, with the leeway of its issuer."""

from collections.abc import Mapping
from typing import Any, TypeGuard

from ordertrail_server.access.identity.issuer_config import IssuerConfig

EXPIRED = "The token has expired; get a new one from its issuer."
LATEST = 253_402_300_800.0
"""The end of the year 9999. No number beyond it is a time."""


def find_time_fault(claims: Mapping[str, Any], config: IssuerConfig, now: float) -> str:
    """Return why a token with these claims is not valid now, or "" if it is."""
    leeway, lifetime = config.leeway_seconds, config.max_lifetime_seconds
    if not all(_is_time(claims[name]) for name in ("nbf", "exp", "iat") if name in claims):
        return "The token has a time that is no number of seconds since 1970."
    if has_expired(claims["exp"], config, now):
        return EXPIRED
    if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + leeway:
        return "The token is not valid yet; check the clocks of its issuer and of the server."
    if lifetime is not None and claims["exp"] > now + lifetime + leeway:
        return f"The token is valid for longer than {lifetime:g} seconds, which the server does not accept."
    return ""


def has_expired(expiry: object, config: IssuerConfig, now: float) -> bool:
    """Return whether the expiry of a token is a time, and has passed."""
    return _is_time(expiry) and now >= expiry + config.leeway_seconds


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LATEST
