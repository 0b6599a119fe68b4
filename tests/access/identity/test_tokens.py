"""Which tokens the server accepts, and what it says about others."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.access.identity.authenticators import Clock, catch_refusal, trust
from tests.access.identity.issuer import (
    AUDIENCE,
    ISSUER,
    NOW,
    SigningKey,
    build_claims,
    build_config,
    build_set,
    encode_part,
    shared_key,
    sign_with_public_key,
)

from ordertrail_server.access.identity.algorithm import ALGORITHMS
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.bearer_token import MAX_BYTES

KEY = SigningKey()


async def refuse(folder: Path, authorization: str, **config: Any) -> str:
    """Return the text with which a server that trusts KEY refuses."""
    return await catch_refusal(trust(folder, KEY, now=Clock(NOW), **config).identify(authorization, None))


def replace_header(token: str, **header: Any) -> str:
    _, signed_part = token.split(".", 1)
    return f"{encode_part(json.dumps(header).encode())}.{signed_part}"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_token_of_each_algorithm_identifies_its_caller(tmp_path: Path, algorithm: str) -> None:
    key = shared_key(algorithm)
    identity = await trust(tmp_path, key).identify(key.bearer(groups=["clerks"]), None)
    assert (identity.name, identity.issuer) == ("shop-1", ISSUER)
    assert identity.claims["groups"] == ["clerks"]


async def test_identity_expires_with_its_token_and_the_leeway(tmp_path: Path) -> None:
    identity = await trust(tmp_path, KEY, leeway_seconds=7).identify(KEY.bearer(exp=NOW + 50_000), None)
    assert identity.expires_at == NOW + 50_007


async def test_claims_cannot_be_changed(tmp_path: Path) -> None:
    identity = await trust(tmp_path, KEY).identify(KEY.bearer(), None)
    with pytest.raises(TypeError):
        identity.claims["sub"] = "admin"  # type: ignore[index]  # as a defect would


async def test_name_is_the_configured_claim_with_its_prefix(tmp_path: Path) -> None:
    authenticator = trust(tmp_path, KEY, name_claim="client_id", name_prefix="shops:")
    assert (await authenticator.identify(KEY.bearer(client_id="till-3"), None)).name == "shops:till-3"


async def test_one_of_several_audiences_is_enough(tmp_path: Path) -> None:
    authenticator = trust(tmp_path, KEY, audiences=("first", "second"))
    assert (await authenticator.identify(KEY.bearer(aud=["third", "second"]), None)).name == "shop-1"


async def test_case_of_the_scheme_does_not_matter(tmp_path: Path) -> None:
    authenticator = trust(tmp_path, KEY)
    assert (await authenticator.identify(f"bearer {KEY.sign()}", None)).name == "shop-1"


@pytest.mark.parametrize("claim", ["iss", "aud", "exp", "nbf", "sub"])
async def test_token_without_a_required_claim_is_refused(tmp_path: Path, claim: str) -> None:
    text = await refuse(tmp_path, KEY.bearer(**{claim: None}))
    expected = {"iss": "names none", "sub": "claim for the caller's name is missing"}
    assert expected.get(claim, f"no claim {claim}") in text


async def test_not_before_may_be_made_optional_and_is_still_checked(tmp_path: Path) -> None:
    authenticator = trust(tmp_path, KEY, now=Clock(NOW), require_nbf=False)
    assert (await authenticator.identify(KEY.bearer(nbf=None), None)).name == "shop-1"
    assert "not valid yet" in await catch_refusal(authenticator.identify(KEY.bearer(nbf=NOW + 60), None))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"iss": "https://issuer.example/"}, "issuer that this server does not trust"),
        ({"aud": "others"}, "another audience"),
        ({"aud": [AUDIENCE, 3]}, "another audience"),
        ({"aud": {"orders": True}}, "another audience"),
        ({"exp": NOW - 60}, "expired"),
        ({"exp": NOW - 31}, "expired"),
        ({"nbf": NOW + 50_000}, "not valid yet"),
        ({"iat": NOW + 50_000}, "not valid yet"),
        ({"exp": "tomorrow"}, "no number of seconds"),
        ({"exp": True}, "no number of seconds"),
        ({"exp": 1e300}, "no number of seconds"),
        ({"exp": float("inf")}, "no number of seconds"),
        ({"exp": float("nan")}, "no number of seconds"),
        ({"exp": -1}, "no number of seconds"),
        ({"nbf": [NOW]}, "no number of seconds"),
        ({"iat": "yesterday"}, "no number of seconds"),
        ({"sub": ""}, "caller's name"),
        ({"sub": "x" * 257}, "caller's name"),
        ({"sub": "shop\n1"}, "caller's name"),
        ({"sub": "shop\u202e1"}, "caller's name"),
        ({"sub": "\ud800"}, "caller's name"),
        ({"sub": 7}, "not a JWT, or has values"),
        ({"jti": 7}, "not a JWT, or has values"),
    ],
)
async def test_token_with_a_wrong_claim_is_refused_with_its_fault(
    tmp_path: Path, changes: dict[str, Any], text: str
) -> None:
    assert text in await refuse(tmp_path, KEY.bearer(**changes))


@pytest.mark.parametrize("changes", [{"exp": NOW - 20}, {"nbf": NOW + 20}, {"iat": NOW + 20}, {"exp": NOW + 0.5}])
async def test_clocks_may_differ_by_the_leeway(tmp_path: Path, changes: dict[str, Any]) -> None:
    authenticator = trust(tmp_path, KEY, now=Clock(NOW))
    assert (await authenticator.identify(KEY.bearer(**changes), None)).name == "shop-1"


async def test_token_that_is_valid_for_too_long_is_refused(tmp_path: Path) -> None:
    text = await refuse(tmp_path, KEY.bearer(exp=NOW + 50_000), max_lifetime_seconds=3_600)
    assert "longer than 3600 seconds" in text


async def test_name_with_its_prefix_is_bounded(tmp_path: Path) -> None:
    assert "caller's name" in await refuse(tmp_path, KEY.bearer(sub="x" * 250), name_prefix="a-prefix:")


async def test_token_of_another_key_with_the_same_id_is_refused(tmp_path: Path) -> None:
    assert "signature" in await refuse(tmp_path, SigningKey().bearer())


async def test_token_that_names_an_unknown_key_is_refused(tmp_path: Path) -> None:
    assert "names a key" in await refuse(tmp_path, SigningKey(key_id="key-2").bearer())
    assert "or no key" in await refuse(tmp_path, SigningKey(key_id=None).bearer())


async def test_key_without_an_id_verifies_tokens_without_one(tmp_path: Path) -> None:
    key = SigningKey(key_id=None)
    assert (await trust(tmp_path, key).identify(key.bearer(), None)).name == "shop-1"


async def test_unsigned_token_is_refused(tmp_path: Path) -> None:
    token = jwt.encode(build_claims(), "", "none", {"kid": "key-1"})
    assert "must be `Bearer`" in await refuse(tmp_path, f"Bearer {token}")
    assert "algorithm" in await refuse(tmp_path, f"Bearer {token}AAAA")
    unsigned = replace_header(KEY.sign(), alg="none", kid="key-1")
    assert "algorithm" in await refuse(tmp_path, f"Bearer {unsigned}")


@pytest.mark.parametrize("key", [shared_key("RS256"), KEY])
async def test_public_key_is_no_secret_of_hmac(tmp_path: Path, key: SigningKey) -> None:
    for token in sign_with_public_key(key):
        assert "algorithm" in await catch_refusal(trust(tmp_path, key).identify(f"Bearer {token}", None))


async def test_key_verifies_no_algorithm_that_its_issuer_does_not_use(tmp_path: Path) -> None:
    """Given keys for RS256 and PS256, when each signs with the other's algorithm, then both are refused."""
    first, second = SigningKey("RS256", "first"), SigningKey("PS256", "second")
    authenticator = trust(tmp_path, first, second)
    for key, algorithm in ((first, "PS256"), (second, "RS256")):
        token = jwt.encode(build_claims(), key.private, algorithm, {"kid": key.key_id})
        assert "algorithm" in await catch_refusal(authenticator.identify(f"Bearer {token}", None))


async def test_key_of_one_issuer_verifies_no_token_of_another_one(tmp_path: Path) -> None:
    first, second = SigningKey(), SigningKey()
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    for file, key in zip(files, (first, second), strict=True):
        file.write_bytes(build_set(key))
    names = ("https://first.example", "https://second.example")
    configs = [build_config(issuer=name, jwks_file=file) for name, file in zip(names, files, strict=True)]
    authenticator = Authenticator(configs, None)
    assert (await authenticator.identify(first.bearer(iss=names[0]), None)).issuer == names[0]
    assert (await authenticator.identify(second.bearer(iss=names[1]), None)).issuer == names[1]
    assert "signature" in await catch_refusal(authenticator.identify(first.bearer(iss=names[1]), None))


async def test_keys_and_urls_in_the_header_are_ignored(tmp_path: Path) -> None:
    """Headers that offer a key (RFC 7515, section 4.1) do not change which key verifies the token."""
    stranger = SigningKey()
    offers: dict[str, Any] = {
        "jwk": stranger.publish(),
        "jku": "http://127.0.0.1:9/",
        "x5u": "http://127.0.0.1:9/",
        "x5c": ["AAAA"],
    }
    assert "signature" in await refuse(tmp_path, f"Bearer {stranger.sign(**offers)}")
    assert (await trust(tmp_path, KEY).identify(f"Bearer {KEY.sign(**offers)}", None)).name == "shop-1"


@pytest.mark.parametrize("crit", [["exp"], [], "exp", ["b64"], [3]])
async def test_token_with_critical_extensions_is_refused(tmp_path: Path, crit: Any) -> None:
    assert "not a JWT" in await refuse(tmp_path, f"Bearer {KEY.sign(crit=crit, exp=1)}")


@pytest.mark.parametrize("header", [{"kid": 7}, {"b64": False}, {"b64": False, "crit": ["b64"]}])
async def test_token_with_a_header_of_another_kind_is_refused(tmp_path: Path, header: dict[str, Any]) -> None:
    token = replace_header(KEY.sign(), **{"alg": "ES256", "kid": "key-1", **header})
    assert "not a JWT" in await refuse(tmp_path, f"Bearer {token}")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a",
        "Bearer a.b",
        "Bearer a.b.c.d",
        "Bearer a.b.c.d.e",
        "Bearer ..",
        f"Bearer {KEY.sign()}=",
        f"Bearer {KEY.sign()}\n",
        f"Bearer {KEY.sign()} ",
        f"Bearer {KEY.sign()},Bearer {KEY.sign()}",
        f"Bearer\t{KEY.sign()}",
        f"Bearer  {KEY.sign()}",
        KEY.sign(),
        f"Bearer {KEY.sign()}é",
        f"Bearer \udcff{KEY.sign()}",
    ],
)
async def test_value_of_another_form_is_refused(tmp_path: Path, authorization: str) -> None:
    assert "must be `Bearer`" in await refuse(tmp_path, authorization)


@pytest.mark.parametrize(
    "payload",
    [b"[" * 5_000, b'{"iss":' * 700, b"1" * 5_000, b'"text"', b"null", b"\xff\xfe", b"", b'{"iss": 1e999}', b"{}" * 9],
)
async def test_payload_that_is_no_json_object_is_refused(tmp_path: Path, payload: bytes) -> None:
    header = encode_part(json.dumps({"alg": "ES256", "kid": "key-1"}).encode())
    await refuse(tmp_path, f"Bearer {header}.{encode_part(payload)}.AAAA")
    await refuse(tmp_path, f"Bearer {encode_part(payload)}.{header}.AAAA")


async def test_token_of_more_than_8_kib_is_refused_unparsed(tmp_path: Path) -> None:
    assert "longer than 8 KiB" in await refuse(tmp_path, KEY.bearer(groups="x" * MAX_BYTES))
    largest = KEY.bearer(groups="x" * (MAX_BYTES // 2))
    assert (await trust(tmp_path, KEY).identify(largest, None)).name == "shop-1"


async def test_refusal_does_not_quote_the_token(tmp_path: Path) -> None:
    for claims in ({"iss": "https://secret-word.example"}, {"aud": "secret-word"}, {"sub": "secret-word\n"}):
        assert "secret-word" not in await refuse(tmp_path, KEY.bearer(**claims))


async def test_call_without_credentials_is_told_what_to_send(tmp_path: Path) -> None:
    text = await catch_refusal(trust(tmp_path, KEY).identify(None, None))
    assert "send the metadata `authorization: Bearer TOKEN`" in text


async def test_token_is_refused_if_the_server_accepts_none() -> None:
    assert "accepts no tokens" in await catch_refusal(Authenticator([], None).identify(KEY.bearer(), None))


async def test_verified_token_is_cached_until_it_expires(tmp_path: Path) -> None:
    clock = Clock(NOW)
    authenticator = trust(tmp_path, KEY, now=clock, leeway_seconds=10)
    authorization = KEY.bearer(exp=NOW + 100)
    assert authenticator.cached(authorization) is None
    identity = await authenticator.identify(authorization, None)
    assert authenticator.cached(authorization) is identity
    assert await authenticator.identify(authorization, None) is identity
    clock.seconds = NOW + 109.9
    assert authenticator.still_valid(identity)
    assert authenticator.cached(authorization) is identity
    clock.seconds = NOW + 110
    assert not authenticator.still_valid(identity)
    assert authenticator.cached(authorization) is None
    assert "expired" in await catch_refusal(authenticator.identify(authorization, None))


async def test_refused_token_is_not_cached(tmp_path: Path) -> None:
    authenticator, authorization = trust(tmp_path, KEY), SigningKey().bearer()
    await catch_refusal(authenticator.identify(authorization, None))
    assert authenticator.cached(authorization) is None
