"""Verifies a token. PyJWT parses it and checks the signature; the configuration decides which keys and algorithms."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jwt
from jwt import InvalidAudienceError, InvalidSignatureError, MissingRequiredClaimError, PyJWK
from jwt.exceptions import PyJWTError

from ordertrail_server.access.identity.identity import Identity, is_valid_name
from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.access.identity.refusals import refuse
from ordertrail_server.access.identity.token_times import find_time_fault
from ordertrail_server.access.identity.trusted_keys import TrustedKey

# The library compares times with its own clock and without bounds, so token_times does that.
_TIMES_UNCHECKED = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
_UNVERIFIED: Any = {"verify_signature": False}
_MALFORMED = "The token is not a JWT, or has values that a JWT must not have; get a new one from its issuer."


class UnverifiedToken(NamedTuple):
    """What a token claims. Use it only to look up what is configured, or to refuse the token."""

    issuer: object
    key_id: str | None
    algorithm: object
    expiry: object


def read_unverified(token: str) -> UnverifiedToken:
    """Return what a token claims. Raises Refused if it is not a JWT."""
    try:
        content = jwt.decode_complete(token, options=_UNVERIFIED)
    except PyJWTError:
        raise refuse(_MALFORMED) from None
    header, claims = content["header"], content["payload"]
    return UnverifiedToken(claims.get("iss"), header.get("kid"), header.get("alg"), claims.get("exp"))


def verify_token(token: str, config: IssuerConfig, key: TrustedKey, algorithm: object, now: float) -> Identity:
    """Return the identity of a token that a key of the issuer must have signed. Raises Refused."""
    signer = key.by_algorithm.get(algorithm) if isinstance(algorithm, str) else None
    if signer is None:
        raise refuse("The token's algorithm is not one that the server accepts from its issuer with this key.")
    claims = _decode(token, config, signer)
    if fault := find_time_fault(claims, config, now):
        raise refuse(fault)
    expires_at = float(claims["exp"]) + config.leeway_seconds
    return Identity(_read_name(claims, config), config.issuer, MappingProxyType(claims), expires_at, key.digest)


def _decode(token: str, config: IssuerConfig, signer: PyJWK) -> dict[str, Any]:
    required = ["iss", "aud", "exp", *(["nbf"] if config.require_nbf else [])]
    options: Any = {**_TIMES_UNCHECKED, "require": required}
    try:
        return jwt.decode(
            token,
            signer,
            algorithms=[signer.algorithm_name],
            audience=config.audiences,
            issuer=config.issuer,
            options=options,
        )
    except InvalidSignatureError:
        raise refuse("The token's signature is not that of its issuer's key.") from None
    except MissingRequiredClaimError as error:
        raise refuse(f"The token has no claim {error.claim}; the server requires {', '.join(required)}.") from None
    except InvalidAudienceError:
        raise refuse("The token is for another audience; ask its issuer for one for this server.") from None
    except PyJWTError:
        raise refuse(_MALFORMED) from None


def _read_name(claims: Mapping[str, Any], config: IssuerConfig) -> str:
    claim = claims.get(config.name_claim)
    if not isinstance(claim, str) or not claim or not is_valid_name(name := config.name_prefix + claim):
        raise refuse("The token's claim for the caller's name is missing, too long, or no printable text.")
    return name
