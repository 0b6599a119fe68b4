"""An issuer of a test: it has real keys, publishes their public parts, and signs tokens."""

import base64
import json
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    generate_private_key as generate_ec_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from ordertrail_server.access.identity.issuer_config import IssuerConfig

ISSUER, AUDIENCE = "https://issuer.example", "orders"
NOW = int(time.time())
"""When the tests began, in seconds since 1970."""
CURVES: dict[str, Any] = {"ES256": SECP256R1, "ES384": SECP384R1, "ES512": SECP521R1}


class SigningKey:
    """A key of an issuer for one algorithm."""

    def __init__(self, algorithm: str = "ES256", key_id: str | None = "key-1", *, bits: int = 2048) -> None:
        self.algorithm, self.key_id = algorithm, key_id
        self.private = _generate(algorithm, bits)

    def publish(self, **members: Any) -> dict[str, Any]:
        """Return the public part as a JWK. A member that is None is left out."""
        public = self.private if isinstance(self.private, bytes) else self.private.public_key()
        jwk = get_default_algorithms()[self.algorithm].to_jwk(public, as_dict=True)
        jwk.pop("key_ops", None)
        values = {**jwk, "kid": self.key_id, "alg": self.algorithm, "use": "sig", **members}
        return {name: value for name, value in values.items() if value is not None}

    def sign(self, claims: dict[str, Any] | None = None, **header: Any) -> str:
        """Return a token. A claim or header that is None is left out."""
        identified = {"kid": self.key_id, **header}
        headers = {name: value for name, value in identified.items() if value is not None}
        return jwt.encode(claims or build_claims(), self.private, self.algorithm, headers)

    def bearer(self, **claims: Any) -> str:
        """Return the metadata `authorization` with a token of these claims."""
        return f"Bearer {self.sign(build_claims(**claims))}"


def sign_with_public_key(key: SigningKey) -> list[str]:
    """Return tokens with an HMAC whose secret is the public key, in its two forms.

    A server that lets the token choose the algorithm accepts them (RFC 8725, section 2.1).
    """
    header = encode_part(json.dumps({"alg": "HS256", "kid": key.key_id}).encode())
    signing_input = f"{header}.{encode_part(json.dumps(build_claims()).encode())}"
    algorithm, form = jwt.get_algorithm_by_name("HS256"), PublicFormat.SubjectPublicKeyInfo
    public = key.private.public_key()
    secrets = [public.public_bytes(encoding, form) for encoding in (Encoding.PEM, Encoding.DER)]
    return [f"{signing_input}.{encode_part(algorithm.sign(signing_input.encode(), secret))}" for secret in secrets]


def encode_part(content: bytes) -> str:
    """Return one part of a token."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def build_claims(**changes: Any) -> dict[str, Any]:
    """Return claims that the server accepts for a day. A change to None leaves the claim out."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "shop-1", "nbf": NOW - 10, "exp": NOW + 86_400, **changes}
    return {name: value for name, value in claims.items() if value is not None}


def build_set(*keys: SigningKey | dict[str, Any]) -> bytes:
    """Return a JWK set."""
    jwks = [key.publish() if isinstance(key, SigningKey) else key for key in keys]
    return json.dumps({"keys": jwks}).encode()


def build_config(algorithms: Iterable[str] = ("ES256",), **changes: Any) -> IssuerConfig:
    """Return the configuration of the issuer."""
    values = {"issuer": ISSUER, "audiences": (AUDIENCE,), "algorithms": tuple(algorithms), **changes}
    return IssuerConfig(**values)


@cache
def shared_key(algorithm: str) -> SigningKey:
    """Return a key that all tests share, because RSA keys take long to generate."""
    return SigningKey(algorithm, f"key of {algorithm}")


def _generate(algorithm: str, bits: int) -> Any:
    if algorithm in CURVES:
        return generate_ec_key(CURVES[algorithm]())
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    if algorithm.startswith("HS"):
        return bytes(range(64))
    return generate_rsa_key(65537, bits)
