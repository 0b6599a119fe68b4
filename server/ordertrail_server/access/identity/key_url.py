"""Keys at a URL, which are fetched at intervals, and when a token names an unknown key."""

import asyncio
import random
from collections.abc import Callable

from ordertrail_server.access.identity.issuer_config import IssuerConfig
from ordertrail_server.access.identity.key_fetch import fetch_keys
from ordertrail_server.access.identity.key_source import KeySource
from ordertrail_server.access.identity.trusted_keys import KeysUnusable

CALL_SECONDS = 2.0
"""How long a call waits for a fetch."""


class KeyUrl(KeySource):
    """The keys of a URL. All fetches share the cool-down, and calls that need one at the same time share the fetch."""

    def __init__(self, config: IssuerConfig, url: str, elapsed: Callable[[], float]) -> None:
        super().__init__(config)
        self._url, self._elapsed = url, elapsed
        self._next_fetch = elapsed()
        self._fetch: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Fetch the keys now and at intervals; sooner after a fault, or if a token named an unknown key."""
        while True:
            if (wait := self._next_fetch - self._elapsed()) > 0:
                await asyncio.sleep(wait)
                continue  # another fetch may have begun meanwhile
            await asyncio.shield(self._start())
            await asyncio.sleep(self._pause())

    async def refresh_for_unknown_key(self) -> None:
        """Fetch the keys unless that is too soon, and wait for the fetch that runs. Takes at most CALL_SECONDS."""
        if self._is_fetching() or self._elapsed() >= self._next_fetch:
            await asyncio.wait([self._start()], timeout=CALL_SECONDS)

    def _pause(self) -> float:
        if self.fault:
            return self.config.cool_down_seconds
        # Servers that started together do not fetch together. The interval is never longer than configured.
        return self.config.refresh_seconds * random.uniform(0.8, 1.0)

    def _is_fetching(self) -> bool:
        return self._fetch is not None and not self._fetch.done()

    def _start(self) -> asyncio.Task[None]:
        if self._fetch is None or self._fetch.done():
            self._next_fetch = self._elapsed() + self.config.cool_down_seconds
            self._fetch = asyncio.create_task(self._refresh())
        return self._fetch

    async def _refresh(self) -> None:
        try:
            content = await asyncio.to_thread(fetch_keys, self._url, self.config.ca_file)
            await asyncio.to_thread(self.take, content)
        except KeysUnusable as error:
            self.report(str(error))
        except Exception as error:
            self.report_unexpected(error)
