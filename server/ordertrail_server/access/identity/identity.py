"""Who calls: the result of a verification, which policies and facts rest on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

LONGEST_NAME: Final = 256
"""In characters. Facts keep the name permanently."""

CERTIFICATE: Final = "certificate"
"""The issuer of identities that a client's certificate proves. No issuer of tokens may have this name."""

NO_CLAIMS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified caller.

    `name` is the actor of facts. `issuer` is the configured issuer of the token, or CERTIFICATE. `claims` are those of
    the token, or the names in the certificate; do not change values in them. `expires_at` is the time, in seconds since
    1970, from which the identity is no longer accepted: for a token, its expiry plus the leeway of its issuer.
    """

    name: str
    issuer: str
    claims: Mapping[str, Any] = field(default_factory=lambda: NO_CLAIMS, hash=False)
    expires_at: float = math.inf
    key_digest: str = ""
    """Identifies the key that verified the token. Empty for other identities."""


ANONYMOUS: Final = Identity(name="", issuer="")
"""A caller that proved nothing, of a server that requires no identity."""


def is_valid_name(name: object) -> bool:
    """Return whether a claim or certificate field can name an actor: bounded text without control characters."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()
