"""A receiver of webhooks: a real HTTP server on loopback, which answers as a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
WAIT_SECONDS = 60.0


class ReceivedPost(NamedTuple):
    """One POST as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def delivery_id(self) -> str:
        return self.headers["webhook-id"]


class Receiver:
    """Keeps all POSTs. The next ones are answered by `answers`, and all later ones with 200."""

    def __init__(self) -> None:
        self.posts: list[ReceivedPost] = []
        self.answers: list[Answer] = []
        self.default: Answer = status(200)
        self.port = 0
        self._stopping = asyncio.Event()
        self._arrived = asyncio.Condition()

    async def wait_for(self, count: int) -> list[ReceivedPost]:
        """Wait until so many POSTs have arrived, and return all."""
        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: len(self.posts) >= count)
        return self.posts

    async def hang(self, _: web.BaseRequest) -> web.StreamResponse:
        """Do not answer, as an Answer."""
        await self._stopping.wait()
        return web.Response(status=500)

    def stop(self) -> None:
        """End the answers that hang."""
        self._stopping.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.text()
        async with self._arrived:
            self.posts.append(ReceivedPost(request.raw_path, request.headers, body))
            answer = self.answers.pop(0) if self.answers else self.default
            self._arrived.notify_all()
        return await answer(request)


def status(number: int, text: str = "", **headers: str) -> Answer:
    """Answer with a status; `Retry_After` as a name means the header Retry-After."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=number, text=text, headers={n.replace("_", "-"): v for n, v in headers.items()})

    return answer


@asynccontextmanager
async def run_receiver(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, 0, ssl_context=context)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        receiver.stop()
        await runner.cleanup()
