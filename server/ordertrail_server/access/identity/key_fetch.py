"""Fetches a key set over HTTP, with bounds on time and size. Blocks, in an event loop of its own."""

import asyncio
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ordertrail_server.access.identity.trusted_keys import MAX_BYTES, KeysUnusable
from ordertrail_server.storage.regular_file import read_regular_file

if TYPE_CHECKING:
    from aiohttp import StreamReader

FETCH_SECONDS = 5.0
"""The time of one fetch, with all that belongs to it."""


def fetch_keys(url: str, ca_file: Path | None) -> bytes:
    """Return the body of the response. Raises KeysUnusable. Call it in a thread.

    It follows no redirect, because the URL would no longer be the configured one, and uses no proxy of the environment.
    """
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(_LookupExecutor(max_workers=1))
        return runner.run(_fetch(url, ca_file))


class _LookupExecutor(ThreadPoolExecutor):
    """Looks up the host. An event loop that ends would wait for it, however long a name server hangs."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait=False, cancel_futures=True)


async def _fetch(url: str, ca_file: Path | None) -> bytes:
    # Loaded here, because few servers fetch keys.
    from aiohttp import ClientError

    try:
        async with asyncio.timeout(FETCH_SECONDS):
            return await _get(url, _load_authorities(ca_file))
    except TimeoutError:
        raise KeysUnusable(f"{url} did not answer within {FETCH_SECONDS:g} s") from None
    except (ClientError, OSError, ValueError) as error:
        raise KeysUnusable(f"{url} cannot be reached: {_describe(error)}") from None


async def _get(url: str, context: ssl.SSLContext) -> bytes:
    from aiohttp import ClientSession, DummyCookieJar, TCPConnector

    connector = TCPConnector(ssl=context, force_close=True)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False) as session:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "ordertrail"}
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise KeysUnusable(f"{url} answered with status {response.status} instead of 200")
            return await _read(response.content, url)


async def _read(stream: "StreamReader", url: str) -> bytes:
    content = bytearray()
    while chunk := await stream.read(MAX_BYTES):
        content += chunk
        if len(content) > MAX_BYTES:
            raise KeysUnusable(f"{url} answered with more than {MAX_BYTES // 1024} KiB")
    return bytes(content)


def _load_authorities(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=read_regular_file(ca_file).decode("ascii", "replace"))
        except (OSError, ValueError) as error:  # of SSL too
            raise KeysUnusable(f"ca_file {ca_file} cannot be read as certificates: {error}") from None
    return context


def _describe(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
        return os.strerror(cause.errno)
    text = str(cause) or type(cause).__name__
    return " ".join(text.split()).encode(errors="replace").decode()[:300]
