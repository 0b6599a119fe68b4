"""The HTTP client of webhooks against a real server: what it sends, and what it makes of the response."""

import asyncio

import pytest
from tests.webhooks.posting_client import (
    BODY,
    open_client,
    post,
    run_raw_server,
    url_of,
)
from tests.webhooks.receiver import Receiver, status

from ordertrail_server.webhooks.http_client import EXCERPT
from ordertrail_server.webhooks.http_response import HttpResponse, PostFailed, PostingEnded


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


async def test_compressed_body_is_not_expanded(receiver: Receiver) -> None:
    receiver.default = status(200, "no gzip at all", Content_Encoding="gzip")
    async with open_client() as client:
        assert (await post(client, url_of(receiver))).excerpt == "no gzip at all"


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
