"""The keys of an issuer, from a JSON Web Key Set (RFC 7517). A set is used as a whole, or not at all."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from jwt import PyJWK

from ordertrail_server.access.identity.algorithm import ALGORITHMS, is_hmac
from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.operator_error import OperatorError

MAX_BYTES = 256 * 1024
MAX_KEYS = 100
LARGEST_RSA_BITS = 8_192
"""A larger key would hold the event loop for milliseconds with each token."""
MATERIAL = ("kty", "crv", "x", "y", "n", "e", "k")
NOT_PUBLIC = {"d", "p", "q", "dp", "dq", "qi", "oth"}


class KeysUnusable(OperatorError):
    """A key set cannot be used. The message says why, and is about the whole set or one key."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key of an issuer, for each algorithm that may be used with it."""

    digest: str
    by_algorithm: Mapping[str, PyJWK]


class TrustedKeys:
    """All usable keys of an issuer, by key id. A key without an id is that of tokens without one."""

    def __init__(self, keys: Mapping[str | None, TrustedKey]) -> None:
        self._keys = keys
        self.digests = frozenset(key.digest for key in keys.values())

    def find(self, key_id: str | None) -> TrustedKey | None:
        """Return the key with an id."""
        return self._keys.get(key_id)


def parse_keys(content: bytes, config: IssuerConfig) -> TrustedKeys:
    """Return the keys that the issuer's algorithms can use. Raises KeysUnusable.

    Keys of other types, algorithms or uses are ignored (RFC 7517, section 5). A key that claims to be for one of the
    algorithms must be sound, because a set with a damaged key is not what the issuer meant to publish.
    """
    keys: dict[str | None, TrustedKey] = {}
    for jwk in _read_set(content):
        algorithms = _algorithms_of(jwk, config)
        if not algorithms:
            continue
        key_id = jwk.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise KeysUnusable("a key has a kid that is no text")
        if key_id in keys:
            raise KeysUnusable("two keys have the same kid, or both have none; give each key its own")
        keys[key_id] = _create_key(jwk, algorithms)
    if not keys:
        raise KeysUnusable(f"no key is for {', '.join(config.algorithms)}; correct the keys or the algorithms")
    return TrustedKeys(keys)


def _read_set(content: bytes) -> Iterator[dict[str, Any]]:
    if len(content) > MAX_BYTES:
        raise KeysUnusable(f"the key set is larger than {MAX_BYTES // 1024} KiB")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise KeysUnusable("the key set is not valid JSON") from None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list) or not all(isinstance(jwk, dict) for jwk in keys):
        raise KeysUnusable('the key set must be an object with a list "keys" of objects (RFC 7517)')
    if len(keys) > MAX_KEYS:
        raise KeysUnusable(f"the key set has more than {MAX_KEYS} keys")
    yield from keys


def _algorithms_of(jwk: Mapping[str, Any], config: IssuerConfig) -> list[str]:
    operations = jwk.get("key_ops")
    if jwk.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return []
    return [name for name in config.algorithms if jwk.get("alg", name) == name and ALGORITHMS[name].fits(jwk)]


def _create_key(jwk: dict[str, Any], algorithms: list[str]) -> TrustedKey:
    if NOT_PUBLIC & jwk.keys():
        raise KeysUnusable("a key holds its private part; publish the public part alone, and replace the key")
    by_algorithm = {algorithm: _load(jwk, algorithm) for algorithm in algorithms}
    # Only what verifies, as in RFC 7638, because a change of other members must not end open streams.
    material = [[name, jwk.get(name)] for name in MATERIAL]
    return TrustedKey(sha256(json.dumps([material, algorithms]).encode()).hexdigest(), by_algorithm)


def _load(jwk: dict[str, Any], algorithm: str) -> PyJWK:
    try:
        key = PyJWK(jwk, algorithm)
    except Exception:  # the libraries raise many kinds for damaged keys
        # Their texts can quote the key, which with HMAC is a secret.
        raise KeysUnusable(f"a key for {algorithm} is damaged") from None
    if key.Algorithm.check_key_length(key.key):
        raise KeysUnusable(f"a key for {algorithm} is too short; RSA needs 2048 bits, and HMAC those of its hash")
    if not is_hmac(algorithm) and getattr(key.key, "key_size", 0) > LARGEST_RSA_BITS:
        raise KeysUnusable(f"a key for {algorithm} is larger than {LARGEST_RSA_BITS} bits")
    return key
