"""A policy with limits, the key of its issuer, and tokens of callers."""

import json
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

COMMANDS_PER_SECOND = 1_000_000
"""The limit of a caller that is not slowed down."""

POLICY = """
[[issuers]]
issuer = "https://issuer.test"
audience = "orders"
jwks_file = {keys}
algorithms = ["EdDSA"]

[[grants]]
to = "anyone"
may = ["health"]

[[grants]]
to = {{ claims = {{ role = "shop" }} }}
may = ["read", "write"]
customers_claim = "shop_id"

[limits]
commands_per_second = {limit}
"""

Metadata = tuple[tuple[str, str], ...]


def write_policy(folder: Path, limit: int = COMMANDS_PER_SECOND) -> tuple[Path, Ed25519PrivateKey]:
    """Write the policy file and the key set of its issuer; return the file, and the key that signs tokens."""
    key = Ed25519PrivateKey.generate()
    public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys, path = folder / "keys.json", folder / "policy.toml"
    keys.write_text(json.dumps({"keys": [{**public, "kid": "key", "alg": "EdDSA", "use": "sig"}]}))
    path.write_text(POLICY.format(keys=json.dumps(str(keys)), limit=limit))
    return path, key


def sign_metadata(key: Ed25519PrivateKey, name: str) -> Metadata:
    """Return the metadata of a caller that may do everything with the orders of shop-1."""
    now = int(time.time())
    claims = {"iss": "https://issuer.test", "aud": "orders", "nbf": now, "exp": now + 86_400, "sub": name}
    token = jwt.encode({**claims, "role": "shop", "shop_id": "shop-1"}, key, "EdDSA", {"kid": "key"})
    return (("authorization", f"Bearer {token}"),)
