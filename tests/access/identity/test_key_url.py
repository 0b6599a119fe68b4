"""Keys that are fetched from a URL: rotation, outages, and answers of every kind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp import web
from tests.access.identity.authenticators import Clock, catch_refusal
from tests.access.identity.issuer import SigningKey, build_config, build_set
from tests.access.identity.jwks_server import Answer, JwksServer, run_jwks_server
from tests.certificates import Authority
from tests.ports import find_free_port

from ordertrail_server.access.identity import key_fetch
from ordertrail_server.access.identity.authenticator import Authenticator
from ordertrail_server.access.identity.trusted_keys import MAX_BYTES

COOL_DOWN = 10.0
OLD, NEW = SigningKey(key_id="old"), SigningKey(key_id="new")


@pytest.fixture
async def issuer() -> AsyncIterator[JwksServer]:
    async with run_jwks_server() as server:
        server.body = build_set(OLD)
        yield server


@pytest.fixture
def elapsed() -> Clock:
    return Clock(0)


def fetch_from(url: str, elapsed: Clock, **config: Any) -> Authenticator:
    issuer_config = build_config(jwks_url=url, cool_down_seconds=COOL_DOWN, **config)
    return Authenticator([issuer_config], None, elapsed=elapsed)


@asynccontextmanager
async def running(authenticator: Authenticator) -> AsyncIterator[None]:
    task = asyncio.create_task(authenticator.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_first_token_fetches_the_keys(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator = fetch_from(issuer.url, elapsed)
    assert (await authenticator.identify(OLD.bearer(), None)).name == "shop-1"
    assert authenticator.faults == []


async def test_token_of_a_new_key_is_accepted_at_once_after_the_cool_down(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator = fetch_from(issuer.url, elapsed)
    await authenticator.identify(OLD.bearer(), None)
    issuer.body = build_set(OLD, NEW)
    elapsed.seconds = COOL_DOWN
    assert (await authenticator.identify(NEW.bearer(), None)).name == "shop-1"
    assert (await authenticator.identify(OLD.bearer(), None)).name == "shop-1"


async def test_unknown_keys_cause_one_fetch_in_a_cool_down(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator = fetch_from(issuer.url, elapsed)
    tokens = [SigningKey(key_id=f"unknown-{number}").bearer() for number in range(20)]
    await asyncio.gather(*(catch_refusal(authenticator.identify(token, None)) for token in tokens))
    elapsed.seconds = COOL_DOWN - 0.1
    for token in tokens:
        await catch_refusal(authenticator.identify(token, None))
    assert issuer.requests == 1
    elapsed.seconds = COOL_DOWN
    await asyncio.gather(*(catch_refusal(authenticator.identify(token, None)) for token in tokens))
    assert issuer.requests == 2


async def test_cached_token_of_a_removed_key_is_refused_from_the_fetch_on(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator, authorization = fetch_from(issuer.url, elapsed), OLD.bearer()
    identity = await authenticator.identify(authorization, None)
    issuer.body = build_set(NEW)
    elapsed.seconds = COOL_DOWN
    assert authenticator.cached(authorization) is identity  # nothing was fetched since
    await authenticator.identify(NEW.bearer(), None)
    assert authenticator.cached(authorization) is None
    assert not authenticator.still_valid(identity)
    assert "names a key" in await catch_refusal(authenticator.identify(authorization, None))


async def test_key_that_was_replaced_under_its_id_is_not_trusted_any_more(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator, authorization = fetch_from(issuer.url, elapsed), OLD.bearer()
    await authenticator.identify(authorization, None)
    replacement = SigningKey(key_id="old")
    issuer.body = build_set(replacement, NEW)
    elapsed.seconds = COOL_DOWN
    await authenticator.identify(NEW.bearer(), None)
    assert authenticator.cached(authorization) is None
    assert "signature" in await catch_refusal(authenticator.identify(authorization, None))
    assert (await authenticator.identify(replacement.bearer(), None)).name == "shop-1"


async def test_running_authenticator_learns_of_a_removed_key_within_the_refresh_interval(issuer: JwksServer) -> None:
    config = build_config(jwks_url=issuer.url, refresh_seconds=0.05, cool_down_seconds=0.01)
    authenticator = Authenticator([config], None)
    async with running(authenticator):
        identity = await authenticator.identify(OLD.bearer(), None)
        issuer.body = build_set(NEW)
        await issuer.wait_for(issuer.requests + 2)
        assert not authenticator.still_valid(identity)


async def test_server_starts_without_its_issuer_and_accepts_tokens_once_it_is_back(elapsed: Clock) -> None:
    port = find_free_port()
    authenticator = fetch_from(f"http://127.0.0.1:{port}/keys", elapsed)
    text = await catch_refusal(authenticator.identify(OLD.bearer(), None), "UNAVAILABLE")
    assert "has not read the keys" in text
    assert "Connection refused" in authenticator.faults[0]
    async with run_jwks_server(port=port) as issuer:
        issuer.body = build_set(OLD)
        elapsed.seconds = COOL_DOWN
        assert (await authenticator.identify(OLD.bearer(), None)).name == "shop-1"
    assert authenticator.faults == []


async def test_running_authenticator_fetches_again_after_an_outage_without_calls(issuer: JwksServer) -> None:
    issuer.answer = answer_with(status=503)
    config = build_config(jwks_url=issuer.url, refresh_seconds=3_600, cool_down_seconds=0.01)
    authenticator = Authenticator([config], None)
    async with running(authenticator):
        await issuer.wait_for(3)
        issuer.answer = None
        await issuer.wait_for(issuer.requests + 1)
        assert (await authenticator.identify(OLD.bearer(), None)).name == "shop-1"


def answer_with(**response: Any) -> Answer:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(**response)

    return answer


BAD_ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "error": ({"status": 500}, "status 500"),
    "redirect": ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, "status 302"),
    "not modified": ({"status": 304}, "status 304"),
    "empty": ({"body": b""}, "not valid JSON"),
    "garbage": ({"body": b"\x00\xff{"}, "not valid JSON"),
    "html": ({"body": b"<html>"}, "not valid JSON"),
    "nested": ({"body": b"[" * 100_000}, "not valid JSON"),
    "no set": ({"body": b"[]"}, "must be an object"),
    "no keys": ({"body": b'{"keys": []}'}, "no key is for ES256"),
    "huge": ({"body": b" " * (MAX_BYTES + 1)}, "more than 256 KiB"),
    "duplicate": ({"body": build_set(NEW, SigningKey(key_id="new"))}, "same kid"),
    "compressed": ({"body": b"\x1f\x8b", "headers": {"Content-Encoding": "gzip"}}, "not valid JSON"),
    "header": ({"headers": {"X-Long": "x" * 100_000}}, "cannot be reached"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_bad_answer_changes_no_key_and_is_a_fault(issuer: JwksServer, elapsed: Clock, name: str) -> None:
    response, fault = BAD_ANSWERS[name]
    authenticator = fetch_from(issuer.url, elapsed)
    identity = await authenticator.identify(OLD.bearer(), None)
    issuer.answer = answer_with(**response)
    elapsed.seconds = COOL_DOWN
    await catch_refusal(authenticator.identify(NEW.bearer(), None))
    assert fault in authenticator.faults[0]
    assert authenticator.still_valid(identity)
    assert (await authenticator.identify(OLD.bearer(sub="shop-2"), None)).name == "shop-2"
    issuer.answer, issuer.body = None, build_set(NEW)
    elapsed.seconds = 2 * COOL_DOWN
    assert (await authenticator.identify(NEW.bearer(), None)).name == "shop-1"
    assert authenticator.faults == []


async def test_answer_that_takes_too_long_is_a_fault(
    issuer: JwksServer, elapsed: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    monkeypatch.setattr(key_fetch, "FETCH_SECONDS", 0.2)
    for answer in (issuer.hang, drip):
        issuer.answer = answer
        authenticator = fetch_from(issuer.url, elapsed)
        await catch_refusal(authenticator.identify(OLD.bearer(), None), "UNAVAILABLE")
        assert "did not answer within" in authenticator.faults[0]


async def test_name_server_that_hangs_delays_no_longer_than_the_fetch_may_take(
    issuer: JwksServer, elapsed: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = Event()
    monkeypatch.setattr(key_fetch, "FETCH_SECONDS", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: is_over.wait())
    authenticator = fetch_from(issuer.url, elapsed)
    try:
        await catch_refusal(authenticator.identify(OLD.bearer(), None), "UNAVAILABLE")
    finally:
        is_over.set()
    assert "did not answer within" in authenticator.faults[0]


async def test_known_tokens_are_verified_while_a_fetch_hangs(issuer: JwksServer, elapsed: Clock) -> None:
    authenticator = fetch_from(issuer.url, elapsed)
    await authenticator.identify(OLD.bearer(), None)
    issuer.answer = issuer.hang
    elapsed.seconds = COOL_DOWN
    call = asyncio.create_task(authenticator.identify(NEW.bearer(), None))
    await issuer.wait_for(2)
    assert (await authenticator.identify(OLD.bearer(sub="shop-2"), None)).name == "shop-2"
    assert not call.done()
    issuer.stop()
    await catch_refusal(call)


async def test_keys_are_fetched_over_tls_from_an_issuer_of_a_trusted_authority(tmp_path: Path, elapsed: Clock) -> None:
    authority, other_authority = Authority(tmp_path), Authority(tmp_path, "another-authority")
    async with run_jwks_server(authority.context_of("localhost")) as issuer:
        issuer.body = build_set(OLD)
        trusted = fetch_from(issuer.url, elapsed, ca_file=authority.file)
        assert (await trusted.identify(OLD.bearer(), None)).name == "shop-1"
        for ca_file in (None, other_authority.file, tmp_path / "missing.pem", authority.sign("host").key):
            authenticator = fetch_from(issuer.url, elapsed, ca_file=ca_file)
            await catch_refusal(authenticator.identify(OLD.bearer(), None), "UNAVAILABLE")
            assert authenticator.faults
        by_address = fetch_from(issuer.url.replace("localhost", "127.0.0.1"), elapsed, ca_file=authority.file)
        await catch_refusal(by_address.identify(OLD.bearer(), None), "UNAVAILABLE")


async def test_new_configuration_keeps_the_keys_of_an_issuer_that_is_down(issuer: JwksServer, elapsed: Clock) -> None:
    config = build_config(jwks_url=issuer.url, cool_down_seconds=COOL_DOWN)
    authenticator = Authenticator([config], None, elapsed=elapsed)
    await authenticator.identify(OLD.bearer(), None)
    issuer.answer = answer_with(status=503)
    another = build_config(issuer="https://another.example", jwks_url=issuer.url)
    successor = Authenticator([another, config], None, elapsed=elapsed, predecessor=authenticator)
    assert (await successor.identify(OLD.bearer(), None)).name == "shop-1"
    changed = build_config(jwks_url=issuer.url, algorithms=("ES256", "RS256"))
    successor = Authenticator([changed], None, elapsed=elapsed, predecessor=successor)
    await catch_refusal(successor.identify(OLD.bearer(), None), "UNAVAILABLE")
