"""The token in a call's metadata, before anything of it is parsed."""

import re

from ordertrail_server.access.identity.refusals import refuse

MAX_BYTES = 8 * 1024
"""Of the value of `authorization`. Checked before any other work."""

# Three parts of Base64url, without padding (RFC 7515, section 7.1). Case does not matter in the scheme (RFC 9110). One
# space, though RFC 6750 allows more, so that a token has one form.
_BEARER = re.compile(r"(?i:bearer) ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)")


def extract_token(authorization: str) -> str:
    """Return the token of a value `Bearer TOKEN`. Raises Refused."""
    if len(authorization) > MAX_BYTES:
        raise refuse(f"The token is longer than {MAX_BYTES // 1024} KiB; ask its issuer for one with fewer claims.")
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise refuse("The metadata authorization must be `Bearer`, a space, and a signed JWT of three parts.")
    return match[1]
