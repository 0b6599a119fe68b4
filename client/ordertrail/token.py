"""Bearer tokens of a connection.

async with connect("orders.example:50051", credentials=read_credentials("ca.pem"), token=token_file("token")) as orders:
    ...
"""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import grpc

__all__ = ["TokenExposed", "TokenFailed", "TokenSource", "add_token", "check_token", "token_file"]

TokenSource: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns one, which may be asynchronous.

The function is called for each call to the server, so it should keep its token until shortly before the token expires.
A function that is not asynchronous may block: it runs in a thread of gRPC.
"""

MAX_BYTES = 64 * 1024
"""How much of a file is read. Servers accept shorter tokens only."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""A token of RFC 6750, section 2.1."""


class TokenExposed(ValueError):
    """The connection would send a token unencrypted to another machine."""


class TokenFailed(Exception):
    """There is no token to send. gRPC fails the call with UNAVAILABLE and this text."""


def token_file(path: str | PathLike[str]) -> Callable[[], str]:
    """Return a function that reads a token from a file, for each call anew, because another program may replace it."""

    def read() -> str:
        with Path(path).open("rb") as file:
            return check_token(file.read(MAX_BYTES).decode(errors="replace"))

    return read


def check_token(text: str) -> str:
    """Return a token without the white space around it. Raises ValueError if it is not one, without quoting it."""
    token = text.strip()
    if _TOKEN.fullmatch(token) is None:
        raise ValueError("a token must consist of letters, digits and ._~+/-= (RFC 6750)")
    return token


def add_token(credentials: grpc.ChannelCredentials, token: TokenSource) -> grpc.ChannelCredentials:
    """Return credentials that also send a token with each call. Call it within an event loop.

    Raises ValueError if a text is not a token.
    """
    source = check_token(token) if isinstance(token, str) else token
    plugin = _TokenPlugin(source, asyncio.get_running_loop())
    return grpc.composite_channel_credentials(credentials, grpc.metadata_call_credentials(plugin))


class _TokenPlugin(grpc.AuthMetadataPlugin):
    """Called by gRPC in a thread of its own, for each call."""

    def __init__(self, source: TokenSource, loop: asyncio.AbstractEventLoop) -> None:
        self._source, self._loop = source, loop

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            token = self._source if isinstance(self._source, str) else self._source()
            if inspect.isawaitable(token):
                future = asyncio.run_coroutine_threadsafe(_await(token), self._loop)
                future.add_done_callback(lambda done: _answer(callback, done))
            else:
                callback(_metadata(token), None)
        except Exception as error:  # of the caller's function
            callback((), _failure(error))


async def _await(token: Awaitable[str]) -> str:
    return await token


def _answer(callback: grpc.AuthMetadataPluginCallback, future: "Future[str]") -> None:
    try:
        callback(_metadata(future.result()), None)
    except BaseException as error:  # a cancelled future too
        callback((), _failure(error))


def _metadata(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {check_token(token)}"),)


def _failure(error: BaseException) -> TokenFailed:
    return TokenFailed(f"the client has no token to send: {str(error) or type(error).__name__}")
