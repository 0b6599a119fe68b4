"""Where the HTTP client of webhooks connects, and whom it trusts."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import Authority
from tests.ports import find_free_port
from tests.webhooks.posting_client import (
    LOOPBACK,
    open_client,
    post,
    resolve_to,
    shared_tls,
    url_of,
)
from tests.webhooks.receiver import Receiver, run_receiver

from ordertrail_server.webhooks import resolver as resolver_module
from ordertrail_server.webhooks.address_policy import AddressPolicy
from ordertrail_server.webhooks.http_response import PostFailed
from ordertrail_server.webhooks.resolver import MAX_LOOKUPS, Resolver
from ordertrail_server.webhooks.tls import CertificatesUnreadable, load_tls


async def test_refused_connection_is_described() -> None:
    async with open_client() as client:
        with pytest.raises(PostFailed, match=r"[Rr]efused"):
            await post(client, f"http://127.0.0.1:{find_free_port()}/")


async def test_address_in_the_url_is_checked_before_the_connection(receiver: Receiver) -> None:
    async with open_client(AddressPolicy()) as client:
        with pytest.raises(PostFailed, match="is a private address"):
            await post(client, url_of(receiver, scheme="https"))
    assert receiver.posts == []


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("8.8.8.8", "127.0.0.1"), ("::ffff:127.0.0.1",)])
async def test_host_with_a_private_address_is_refused(receiver: Receiver, addresses: Sequence[str]) -> None:
    async with open_client(AddressPolicy(), resolve_to(*addresses)) as client:
        with pytest.raises(PostFailed, match="private address"):
            await post(client, url_of(receiver, "shop.example", "https"))


async def test_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    """The name is resolved once for a connection: a second, different answer of the DNS has no effect."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        return list(resolve_to(*answers.pop(0))(host, port))

    async with open_client(LOOPBACK, look_up) as client:
        assert (await post(client, url_of(receiver, "shop.example"))).status == 200
    assert answers == [["10.0.0.1"]]
    assert receiver.posts[0].headers["Host"] == f"shop.example:{receiver.port}"


async def test_host_that_is_resolved_too_slowly_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver_module, "RESOLVE_SECONDS", 0.1)
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return []

    async with open_client(LOOPBACK, look_up) as client:
        with pytest.raises(PostFailed, match="was not resolved"):
            await post(client, "https://shop.example/")
    release.set()


async def test_host_that_is_never_resolved_holds_up_no_other_one() -> None:
    end, lookups = threading.Event(), list[str]()

    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        lookups.append(host)
        if host == "slow.example":
            end.wait()
        return list(resolve_to("127.0.0.1")(host, port))

    resolver = Resolver(LOOPBACK, look_up)
    slow = [asyncio.create_task(resolver.resolve("https", "slow.example", 443)) for _ in range(2 * MAX_LOOKUPS)]
    assert len(await resolver.resolve("https", "shop.example", 443)) == 1
    end.set()
    assert len(await asyncio.gather(*slow)) == len(slow)
    assert sorted(lookups) == ["shop.example", "slow.example"]


async def test_unknown_host_is_described() -> None:
    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        raise socket.gaierror(-2, "Name or service not known")

    async with open_client(LOOPBACK, look_up) as client:
        with pytest.raises(PostFailed, match=r"shop\.example cannot be resolved: .*not known"):
            await post(client, "https://shop.example/")


async def test_certificate_of_the_additional_authority_is_trusted_for_its_host_only(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    look_up = resolve_to("127.0.0.1")
    async with (
        run_receiver(authority.context_of("shop.example")) as receiver,
        open_client(LOOPBACK, look_up, authority.file) as trusting,
        open_client(LOOPBACK, look_up) as unaware,
    ):
        assert (await post(trusting, url_of(receiver, "shop.example", "https"))).status == 200
        with pytest.raises(PostFailed, match="certificate"):
            await post(trusting, url_of(receiver, "other.example", "https"))
        with pytest.raises(PostFailed, match="certificate"):
            await post(unaware, url_of(receiver, "shop.example", "https"))
    assert len(receiver.posts) == 1


def test_file_without_certificates_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(CertificatesUnreadable, match=name):
            load_tls(tmp_path / name)


def test_contexts_of_webhooks_verify_hosts() -> None:
    context = shared_tls(None)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
