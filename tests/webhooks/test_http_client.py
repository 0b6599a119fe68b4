"""The HTTP client of webhooks against a real server: what it sends, what it accepts, and where it connects."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from tests.certificates import Authority
from tests.ports import find_free_port
from tests.webhooks.receiver import Receiver, run_receiver, status

from ordertrail_server.webhooks import resolver as resolver_module
from ordertrail_server.webhooks.address_policy import AddressPolicy, parse_networks
from ordertrail_server.webhooks.bounded_connector import MAX_RESPONSE
from ordertrail_server.webhooks.http_client import EXCERPT, MAX_BODY, HttpClient
from ordertrail_server.webhooks.http_response import HttpResponse, PostFailed, PostingEnded
from ordertrail_server.webhooks.resolver import MAX_LOOKUPS, Resolver
from ordertrail_server.webhooks.tls import CertificatesUnreadable, load_tls

LOOPBACK = AddressPolicy(parse_networks("127.0.0.0/8"))
BODY = '{"a":"ü"}'
shared_tls = cache(load_tls)  # it reads all certificates of the system


def resolve_to(*addresses: str) -> Any:
    """Return a stand-in for the operating system's resolver, which knows the same addresses for every host."""

    def look_up(host: str, port: int) -> Sequence[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return look_up


@asynccontextmanager
async def open_client(
    policy: AddressPolicy = LOOPBACK,
    look_up: Any = resolver_module.look_up,
    ca_file: Path | None = None,
    may_post: Callable[[], bool] = lambda: True,
) -> AsyncIterator[HttpClient]:
    client = HttpClient(policy, Resolver(policy, look_up), shared_tls(ca_file), may_post)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def run_raw_server(write: Callable[[asyncio.StreamWriter], Coroutine[Any, Any, None]]) -> AsyncIterator[int]:
    """Answer each connection as `write` does; yields the port."""
    calls: list[asyncio.Task[None]] = []

    async def handle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(asyncio.create_task(write(writer)))
        try:
            await asyncio.wait(calls)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield int(server.sockets[0].getsockname()[1])
        for call in calls:
            call.cancel()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with run_receiver() as receiver:
        yield receiver


async def post(client: HttpClient, url: str, timeout_s: float = 30.0) -> HttpResponse:
    return await client.post(url, {"Content-Type": "text/plain", "webhook-id": "1"}, BODY, timeout_s)


def url_of(receiver: Receiver, host: str = "127.0.0.1", scheme: str = "http") -> str:
    return f"{scheme}://{host}:{receiver.port}/orders?key=a%2Fb"


async def test_body_and_headers_arrive_as_they_are(receiver: Receiver) -> None:
    async with open_client() as client:
        assert await post(client, url_of(receiver)) == HttpResponse(200, "", "")
    [received] = receiver.posts
    assert (received.path, received.body) == ("/orders?key=a%2Fb", BODY)
    assert dict(received.headers) == {
        "Host": f"127.0.0.1:{receiver.port}",
        "User-Agent": "ordertrail",
        "Content-Type": "text/plain",
        "webhook-id": "1",
        "Content-Length": "10",
    }


async def test_status_retry_after_and_beginning_of_the_body_are_returned(receiver: Receiver) -> None:
    receiver.answers = [status(503, "busy" * 1000, Retry_After="7")]
    async with open_client() as client:
        response = await post(client, url_of(receiver))
    assert (response.status, response.retry_after, response.excerpt) == (503, "7", "busy" * (EXCERPT // 4))


@pytest.mark.parametrize("is_connected", [False, True])
async def test_nothing_is_posted_if_that_is_forbidden_while_it_connects(receiver: Receiver, is_connected: bool) -> None:
    permissions = [True] * (3 if is_connected else 1)  # it asks before it connects, and before it sends
    async with open_client(may_post=lambda: bool(permissions) and permissions.pop()) as client:
        if is_connected:
            await post(client, url_of(receiver))
        with pytest.raises(PostingEnded):
            await post(client, url_of(receiver))
        assert len(receiver.posts) == is_connected


async def test_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.default = status(307, Location=f"http://127.0.0.1:{receiver.port}/other")
    async with open_client() as client:
        assert (await post(client, url_of(receiver))).status == 307
    assert len(receiver.posts) == 1


async def test_cookies_are_not_sent_back(receiver: Receiver) -> None:
    receiver.default = status(200, Set_Cookie="a=b; Path=/")
    async with open_client() as client:
        for _ in range(2):
            await post(client, url_of(receiver))
    assert "Cookie" not in receiver.posts[1].headers


async def test_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with open_client() as client:
        assert (await post(client, url_of(receiver))).status == 200


async def test_receiver_that_never_answers_hits_the_time_limit(receiver: Receiver) -> None:
    receiver.default = receiver.hang
    async with open_client() as client:
        with pytest.raises(PostFailed, match="no response within"):
            await post(client, url_of(receiver), 0.2)


async def test_headers_that_arrive_slowly_hit_the_time_limit() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nA: " + b"a" * 1000:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    begin = monotonic()
    async with run_raw_server(drip) as port, open_client() as client:
        with pytest.raises(PostFailed, match="no response within"):
            await post(client, f"http://127.0.0.1:{port}/", 0.3)
    assert monotonic() - begin < 5.0


async def test_endless_body_is_read_up_to_its_limit_and_the_status_counts(receiver: Receiver) -> None:
    sizes: list[int] = []

    async def flood(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 4096)
            sizes.append(4096)

    receiver.default = flood
    async with open_client() as client:
        response = await post(client, url_of(receiver))
    assert response == HttpResponse(200, "", "x" * EXCERPT)
    assert sum(sizes) < 100 * MAX_BODY  # what the sockets' buffers took, until the connection was closed


async def test_body_that_never_ends_does_not_undo_the_status(receiver: Receiver) -> None:
    async def begin_only(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"ok")
        await receiver.hang(request)
        return response

    receiver.default = begin_only
    async with open_client() as client:
        assert await post(client, url_of(receiver), 0.3) == HttpResponse(200, "", "ok")


async def test_compressed_body_is_not_expanded(receiver: Receiver) -> None:
    receiver.default = status(200, "no gzip at all", Content_Encoding="gzip")
    async with open_client() as client:
        assert (await post(client, url_of(receiver))).excerpt == "no gzip at all"


@pytest.mark.parametrize("head", [b"A: " + b"a" * 10_000, b"\r\n".join(b"A%d: a" % n for n in range(100))])
async def test_headers_have_bounds(head: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nContent-Length: 0\r\n\r\n")

    async with run_raw_server(answer) as port, open_client() as client:
        with pytest.raises(PostFailed):
            await post(client, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n"])
async def test_interim_responses_have_bounds(interim: bytes) -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(interim * 1000)
                await writer.drain()

    async with run_raw_server(flood) as port, open_client() as client:
        with pytest.raises(PostFailed, match="the response is larger than"):
            await post(client, f"http://127.0.0.1:{port}/", 20.0)


async def test_bound_of_bytes_begins_anew_with_each_response_of_a_connection(receiver: Receiver) -> None:
    connections: set[object] = set()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        connections.add(request.transport)
        return web.Response(text="x" * (MAX_BODY - 1))

    receiver.default = answer
    async with open_client() as client:
        for _ in range(MAX_RESPONSE // MAX_BODY + 2):
            assert (await post(client, url_of(receiver))).status == 200
    assert len(connections) == 1


@pytest.mark.parametrize(
    "garbage", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 \xff\xfe\r\n\r\n", b"HTTP/1.1 200 OK\r\n: \r\n\r\n"]
)
async def test_invalid_response_is_described_without_the_url(garbage: bytes) -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)

    async with run_raw_server(answer) as port, open_client() as client:
        with pytest.raises(PostFailed, match="the response is not valid HTTP: ") as failure:
            await post(client, f"http://127.0.0.1:{port}/?key=secret")
    assert "secret" not in str(failure.value)
    assert "400" not in str(failure.value)


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
