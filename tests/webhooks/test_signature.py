"""Signatures, verified by the library of Standard Webhooks and with the public key."""

from base64 import b64decode
from time import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from ordertrail_server.subscriptions.webhook_changes import SecretAdded
from ordertrail_server.webhooks.signature import create_secret, sign

# A known delivery, and its signature as other libraries of the specification compute it.
KNOWN_SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
KNOWN_BODY = '{"event_type":"ping","data":{"success":true}}'
KNOWN_SIGNATURE = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="
BODY = '{"email":"test@example.com","username":"test_user"}'
BODY = '{"a":"ü"}'


def verify_ed25519(public_key: str, headers: dict[str, str], body: str) -> None:
    """Raise InvalidSignature unless one of the signatures v1a fits."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public_key.removeprefix("whpk_")))
    signatures = [text.split(",")[1] for text in headers["webhook-signature"].split() if text.startswith("v1a,")]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for signature in signatures[:-1]:
        try:
            return key.verify(b64decode(signature), content)
        except InvalidSignature:
            pass
    return key.verify(b64decode(signatures[-1]), content)


def headers_of(secrets: list[SecretAdded], timestamp: int) -> dict[str, str]:
    signature = sign(secrets, "uid-0-5", timestamp, BODY)
    return {"webhook-id": "uid-0-5", "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def test_known_delivery_has_the_known_signature() -> None:
    secret = SecretAdded("1", KNOWN_SECRET, "", "", 0)
    assert sign([secret], "msg_loFOjxBNrRLzqYUf", 1731705121, KNOWN_BODY) == KNOWN_SIGNATURE


def test_each_secret_verifies_the_attempt_and_no_other_one_does() -> None:
    first, second, stranger = (create_secret(name, 0, has_signing_key=True) for name in "abc")
    headers = headers_of([first, second], int(time()))
    for secret in (first, second):
        Webhook(secret.hmac_secret).verify(BODY, headers)
        verify_ed25519(secret.public_key, headers, BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger.hmac_secret).verify(BODY, headers)
    with pytest.raises(InvalidSignature):
        verify_ed25519(stranger.public_key, headers, BODY)
    with pytest.raises(InvalidSignature):
        verify_ed25519(first.public_key, headers, BODY + " ")


def test_webhook_without_ed25519_has_signatures_of_hmac_only() -> None:
    secret = create_secret("a", 0, has_signing_key=False)
    assert sign([secret], "uid-0-5", 1, BODY).startswith("v1,")
    assert "v1a" not in sign([secret], "uid-0-5", 1, BODY)


def test_secrets_are_as_long_as_the_specification_says_and_never_shown() -> None:
    secret = create_secret("a", 0, has_signing_key=True)
    assert 24 <= len(b64decode(secret.hmac_secret.removeprefix("whsec_"))) <= 64
    assert len(b64decode(secret.signing_key.removeprefix("whsk_"))) == 64
    for text in (repr(secret), str(secret), f"{[secret]}"):
        assert secret.hmac_secret not in text
        assert secret.signing_key not in text
