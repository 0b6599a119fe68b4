"""The identity of a certificate, or none, which a server passes on with a call that it forwards.

The connection shows the certificate of the forwarding server, not the caller's. Tokens are forwarded themselves.
"""

from json import dumps, loads
from typing import Final

from ordertrail.v1.error_reason_pb2 import ERROR_REASON_UNAUTHENTICATED
from ordertrail_server.access.identity.identity import ANONYMOUS, CERTIFICATE, Identity
from ordertrail_server.orders.refusal import Refusal, Refused

FORWARDED_IDENTITY: Final = "ordertrail-forwarded-identity-bin"
"""The metadata of a forwarded call that holds the identity. It counts only from servers with the permission FORWARD."""


def write_forwarded(identity: Identity) -> bytes:
    """Return the value of the metadata."""
    claims = {name: list(texts) for name, texts in identity.claims.items()}
    return dumps([identity.name, claims, identity.expires_at]).encode()


def read_forwarded(value: bytes) -> Identity:
    """Return the identity in the metadata. Raises Refused."""
    try:
        name, claims, expires_at = loads(value)
        claims = {str(key): tuple(texts) for key, texts in claims.items()}
        return Identity(str(name), CERTIFICATE, claims, float(expires_at)) if name else ANONYMOUS
    except (ValueError, TypeError, AttributeError):
        message = "The identity that another server passed on cannot be read; upgrade both servers to one release."
        raise Refused(Refusal(ERROR_REASON_UNAUTHENTICATED, message)) from None
