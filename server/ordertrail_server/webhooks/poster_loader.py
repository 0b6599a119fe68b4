"""Loads the part of the server that posts, once the first webhook exists: its libraries take a third of a second."""

from asyncio import Task, create_task, gather, shield, to_thread
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ordertrail_server.webhooks.address_policy import AddressPolicy

if TYPE_CHECKING:
    from ordertrail_server.webhooks.poster import Poster

_POSTER, _TLS = "ordertrail_server.webhooks.poster", "ordertrail_server.webhooks.tls"


class PosterLoader:
    """For one event loop. Close it at the end. Once `may_post` returns False, nothing is posted any more."""

    def __init__(
        self, policy: AddressPolicy, ca_file: Path | None, may_post: Callable[[], bool] = lambda: True
    ) -> None:
        self.policy, self._ca_file, self._may_post = policy, ca_file, may_post
        self._loading: Task[Poster] | None = None

    async def check_certificates(self) -> None:
        """Read the file of certificates, if there is one, so that an error is reported at the start.

        Raises CertificatesUnreadable.
        """
        if self._ca_file is not None:
            module: Any = await to_thread(import_module, _TLS)
            await to_thread(module.load_tls, self._ca_file)

    async def load(self) -> "Poster":
        """Return the poster. Raises CertificatesUnreadable."""
        if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
            self._loading = create_task(self._load())
        return await shield(self._loading)

    async def close(self) -> None:
        """Close all connections."""
        if self._loading is not None:
            [poster] = await gather(self._loading, return_exceptions=True)
            if not isinstance(poster, BaseException):
                await poster.close()

    async def _load(self) -> "Poster":
        # In a thread, because the event loop serves others meanwhile.
        module: Any = await to_thread(import_module, _POSTER)
        poster: Poster = module.Poster(self.policy, await to_thread(module.load_tls, self._ca_file), self._may_post)
        return poster
