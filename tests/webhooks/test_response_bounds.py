"""The time and the bytes that the HTTP client of webhooks takes for a response."""

import asyncio
from contextlib import suppress
from time import monotonic

import pytest
from aiohttp import web
from tests.webhooks.posting_client import (
    open_client,
    post,
    run_raw_server,
    url_of,
)
from tests.webhooks.receiver import Receiver

from ordertrail_server.webhooks.bounded_connector import MAX_RESPONSE
from ordertrail_server.webhooks.http_client import EXCERPT, MAX_BODY
from ordertrail_server.webhooks.http_response import HttpResponse, PostFailed


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
