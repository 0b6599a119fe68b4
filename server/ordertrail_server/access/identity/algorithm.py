"""The algorithms that tokens may be signed with, and the keys that fit each (RFC 7518, RFC 8037)."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Algorithm(NamedTuple):
    """The type of an algorithm's keys (`kty`), and for elliptic curves the curve (`crv`)."""

    key_type: str
    curve: str | None = None

    def fits(self, jwk: Mapping[str, Any]) -> bool:
        """Return whether a key is of this type and curve."""
        return jwk.get("kty") == self.key_type and (self.curve is None or jwk.get("crv") == self.curve)


ALGORITHMS: Final[Mapping[str, Algorithm]] = {
    "ES256": Algorithm("EC", "P-256"),
    "ES384": Algorithm("EC", "P-384"),
    "ES512": Algorithm("EC", "P-521"),
    "EdDSA": Algorithm("OKP", "Ed25519"),
    "RS256": Algorithm("RSA"),
    "RS384": Algorithm("RSA"),
    "RS512": Algorithm("RSA"),
    "PS256": Algorithm("RSA"),
    "PS384": Algorithm("RSA"),
    "PS512": Algorithm("RSA"),
    "HS256": Algorithm("oct"),
    "HS384": Algorithm("oct"),
    "HS512": Algorithm("oct"),
}


def is_hmac(algorithm: str) -> bool:
    """Return whether an algorithm has a shared secret, with which the verifier could sign as well."""
    return ALGORITHMS[algorithm].key_type == "oct"
