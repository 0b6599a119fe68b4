"""The cache of verified tokens, and the bound on failed verifications."""

from pathlib import Path

from tests.access.identity.authenticators import Clock, catch_refusal, trust
from tests.access.identity.issuer import SigningKey

from ordertrail_server.access.identity.failure_allowance import PER_SECOND, FailureAllowance
from ordertrail_server.access.identity.identity import Identity
from ordertrail_server.access.identity.token_cache import TokenCache


def identity_of(name: str) -> Identity:
    return Identity(name, "issuer")


def test_cache_keeps_the_newest_tokens_within_its_bound() -> None:
    cache = TokenCache(max_tokens=3)
    for name in "abcd":
        cache.put(name, identity_of(name))
    assert [cache.get(name) is None for name in "abcd"] == [True, False, False, False]


def test_cache_bounds_the_bytes_of_its_tokens() -> None:
    cache = TokenCache(max_bytes=100)
    for name in "abcd":
        cache.put(name * 40, identity_of(name))
        cache.put(name * 40, identity_of(name))
    assert len(cache) == 2
    assert cache.get("d" * 40) == identity_of("d")


def test_removed_tokens_take_no_room() -> None:
    cache = TokenCache(max_bytes=100)
    for _ in range(9):
        cache.put("a" * 60, identity_of("a"))
        cache.remove("a" * 60)
        cache.remove("a" * 60)
    cache.put("b" * 60, identity_of("b"))
    cache.put("c" * 40, identity_of("c"))
    assert len(cache) == 2
    cache.retain(lambda identity: identity.name == "c")
    assert [cache.get(token) for token in ("b" * 60, "c" * 40)] == [None, identity_of("c")]


def test_any_text_can_be_looked_up() -> None:
    assert TokenCache().get("Bearer \udcff\x00é") is None


def test_allowance_grows_with_time_up_to_its_bound() -> None:
    clock = Clock(0)
    allowance = FailureAllowance(clock, per_second=2)
    for _ in range(2):
        assert not allowance.is_exhausted()
        allowance.count_failure()
    assert allowance.is_exhausted()
    clock.seconds = 0.5
    assert not allowance.is_exhausted()
    allowance.count_failure()
    clock.seconds = 100
    for _ in range(2):
        allowance.count_failure()
    assert allowance.is_exhausted()


async def test_expired_tokens_do_not_use_up_the_allowance(tmp_path: Path) -> None:
    key = SigningKey()
    authenticator, expired_token = trust(tmp_path, key, elapsed=Clock(0)), key.bearer(exp=1)
    for _ in range(PER_SECOND + 1):
        assert "expired" in await catch_refusal(authenticator.identify(expired_token, None))
    assert (await authenticator.identify(key.bearer(), None)).name == "shop-1"


async def test_bad_tokens_beyond_the_allowance_do_not_stop_known_ones(
    tmp_path: Path,
) -> None:
    key, bad_token, elapsed = SigningKey(), SigningKey().bearer(), Clock(0)
    authenticator, authorization = trust(tmp_path, key, elapsed=elapsed), key.bearer()
    await authenticator.identify(authorization, None)
    for _ in range(PER_SECOND):
        await catch_refusal(authenticator.identify(bad_token, None))
    for token in (bad_token, key.bearer(sub="shop-2")):
        assert "too many bad tokens" in await catch_refusal(authenticator.identify(token, None), "OVERLOADED")
    assert (await authenticator.identify(authorization, None)).name == "shop-1"
    elapsed.seconds = 0.01
    assert (await authenticator.identify(key.bearer(sub="shop-2"), None)).name == "shop-2"
