"""Secrets and signatures as Standard Webhooks 1.0 describes them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from ordertrail_server.subscriptions.webhook_changes import SecretAdded

SECRET_BYTES = SEED_BYTES = 32
_SECRET, _SIGNING_KEY, _PUBLIC_KEY = "whsec_", "whsk_", "whpk_"


def create_secret(secret_id: str, time: int, *, has_signing_key: bool) -> SecretAdded:
    """Return a new secret for HMAC, and new keys of Ed25519 if the webhook signs with it. `time` is its creation."""
    hmac_secret, seed = _write(_SECRET, secrets.token_bytes(SECRET_BYTES)), secrets.token_bytes(SEED_BYTES)
    if not has_signing_key:
        return SecretAdded(secret_id, hmac_secret, "", "", time)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    # A secret key is written as the seed and, as is usual, the public key behind it.
    return SecretAdded(secret_id, hmac_secret, _write(_SIGNING_KEY, seed + public), _write(_PUBLIC_KEY, public), time)


def sign(present_secrets: Iterable[SecretAdded], delivery_id: str, timestamp: int, body: str) -> str:
    """Return the signatures of an attempt with each of the secrets, separated by spaces.

    `timestamp` is in seconds since 1970.
    """
    signatures = []
    for secret in present_secrets:
        signatures.append(Webhook(secret.hmac_secret).sign(delivery_id, datetime.fromtimestamp(timestamp, UTC), body))
        if secret.signing_key:
            key = Ed25519PrivateKey.from_private_bytes(_read_seed(secret.signing_key))
            signature = key.sign(f"{delivery_id}.{timestamp}.{body}".encode())
            signatures.append(f"v1a,{b64encode(signature).decode()}")
    return " ".join(signatures)


def _write(prefix: str, key: bytes) -> str:
    return prefix + b64encode(key).decode()


def _read_seed(signing_key: str) -> bytes:
    return b64decode(signing_key.removeprefix(_SIGNING_KEY))[:SEED_BYTES]
