"""The key server of an issuer: a real HTTP server on loopback, which answers as a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
WAIT_SECONDS = 30.0


class JwksServer:
    """Answers each request with `body`, or as `answer` does if there is one."""

    def __init__(self) -> None:
        self.body = b""
        self.answer: Answer | None = None
        self.requests = 0
        self.url = ""
        self._stopping = asyncio.Event()
        self._arrived = asyncio.Condition()

    async def wait_for(self, count: int) -> None:
        """Wait until so many requests have arrived."""
        async with asyncio.timeout(WAIT_SECONDS), self._arrived:
            await self._arrived.wait_for(lambda: self.requests >= count)

    async def hang(self, _: web.BaseRequest) -> web.StreamResponse:
        """Do not answer, as an Answer."""
        await self._stopping.wait()
        return web.Response(status=500)

    def stop(self) -> None:
        """End the answers that hang."""
        self._stopping.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        async with self._arrived:
            self.requests += 1
            self._arrived.notify_all()
        return await self.answer(request) if self.answer else web.Response(body=self.body)


@asynccontextmanager
async def run_jwks_server(context: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[JwksServer]:
    """Run a key server on a port, a free one by default."""
    server = JwksServer()
    runner = web.ServerRunner(web.Server(server.handle, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        scheme = "http" if context is None else "https"
        server.url = f"{scheme}://localhost:{runner.addresses[0][1]}/keys"
        yield server
    finally:
        server.stop()
        await runner.cleanup()
