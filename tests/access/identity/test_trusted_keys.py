"""Which key sets are used."""

import json
from typing import Any

import pytest
from tests.access.identity.issuer import SigningKey, build_config, build_set, shared_key

from ordertrail_server.access.identity.trusted_keys import KeysUnusable, TrustedKeys, parse_keys

KEY = SigningKey()
RSA = shared_key("RS256")
SECRET = "a-secret-of-thirty-two-characters"


def parse(*keys: SigningKey | dict[str, Any], algorithms: tuple[str, ...] = ("ES256", "RS256")) -> TrustedKeys:
    return parse_keys(build_set(*keys), build_config(algorithms))


def oct_key(secret: str, **members: Any) -> dict[str, Any]:
    return {"kty": "oct", "k": secret, "kid": "secret", **members}


@pytest.mark.parametrize(
    "jwk",
    [
        SigningKey(key_id="2").publish(use="enc"),
        SigningKey(key_id="2").publish(key_ops=["sign"]),
        SigningKey("ES384", "2").publish(),
        SigningKey(key_id="2").publish(alg="ES384"),
        SigningKey("EdDSA", "2").publish(),
        RSA.publish(alg="RSA-OAEP", kid="2"),
        {"kty": "something new", "kid": "2"},
        {"kid": "2"},
        oct_key(SECRET),
    ],
)
def test_key_for_another_purpose_is_ignored(jwk: dict[str, Any]) -> None:
    keys = parse(KEY, jwk)
    assert keys.find("key-1") is not None
    assert len(keys.digests) == 1


def test_key_without_an_algorithm_is_for_all_configured_ones_of_its_type() -> None:
    keys = parse(RSA.publish(alg=None), KEY, algorithms=("RS256", "PS512", "ES256"))
    key = keys.find(RSA.key_id)
    assert key is not None
    assert key.by_algorithm.keys() == {"RS256", "PS512"}


def test_key_with_an_algorithm_is_for_this_one_alone() -> None:
    key = parse(RSA, algorithms=("RS256", "PS512")).find(RSA.key_id)
    assert key is not None
    assert key.by_algorithm.keys() == {"RS256"}


def test_key_is_the_same_until_its_material_or_its_algorithms_change() -> None:
    digests = parse(RSA, algorithms=("RS256", "PS256")).digests
    assert parse(RSA.publish(kid="2", x5c=["AAAA"], use=None), algorithms=("RS256", "PS256")).digests == digests
    assert parse(RSA.publish(alg=None), algorithms=("RS256", "PS256")).digests != digests
    assert parse(SigningKey("RS256", RSA.key_id), algorithms=("RS256", "PS256")).digests != digests


@pytest.mark.parametrize(
    ("jwk", "text"),
    [
        (SigningKey(key_id="key-1").publish(), "two keys have the same kid"),
        (SigningKey(key_id="2").publish(kid=7), "a kid that is no text"),
        (SigningKey(key_id="2").publish(x="AAAA"), "a key for ES256 is damaged"),
        (SigningKey(key_id="2").publish(x=7), "a key for ES256 is damaged"),
        (SigningKey(key_id="2").publish(y=None), "a key for ES256 is damaged"),
        (SigningKey(key_id="2").publish(d="AAAA"), "private part"),
        (RSA.publish(n="AQAB"), "a key for RS256 is"),
        (RSA.publish(e="AA"), "a key for RS256 is damaged"),
        (RSA.publish(n=""), "a key for RS256 is damaged"),
        (SigningKey("RS256", "2", bits=1024).publish(), "a key for RS256 is too short"),
    ],
)
def test_set_with_a_bad_key_is_refused_as_a_whole(jwk: dict[str, Any], text: str) -> None:
    with pytest.raises(KeysUnusable) as caught:
        parse(KEY, jwk)
    assert text in str(caught.value)


def test_two_keys_without_id_are_refused() -> None:
    with pytest.raises(KeysUnusable, match="both have none"):
        parse(SigningKey(key_id=None), SigningKey(key_id=None))


def test_short_secret_is_refused_without_quoting_it() -> None:
    for secret in ("c2hvcnQ", "not base64 !", ""):
        with pytest.raises(KeysUnusable) as caught:
            parse(oct_key(secret), algorithms=("HS256",))
        assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": []}',
        b"\xff",
        b'{"keys": ' + b"[" * 200_000,
        b" " * 300_000,
        json.dumps({"keys": [{}] * 101}).encode(),
        build_set(SigningKey("EdDSA")),
    ],
)
def test_content_without_a_usable_key_is_refused(content: bytes) -> None:
    with pytest.raises(KeysUnusable):
        parse_keys(content, build_config())
