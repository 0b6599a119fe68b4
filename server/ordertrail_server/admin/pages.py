"""The pages of the admin listener: liveness, readiness, metrics and connections."""

from collections.abc import Callable
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest

from ordertrail_server.admin.channelz import describe_channelz
from ordertrail_server.admin.listener import Page

STALLED_SECONDS = 10.0
"""The server does not live if its event loop has not run for so long."""

TEXT, JSON = "text/plain; charset=utf-8", "application/json"


class Pages:
    """`is_serving` tells whether the whole server answers. Call `note_alive` from the event loop each second."""

    def __init__(
        self, registry: CollectorRegistry, is_serving: Callable[[], bool], clock: Callable[[], float] = monotonic
    ) -> None:
        self._registry, self._is_serving, self._clock = registry, is_serving, clock
        self._alive_at = clock()
        # The threads of many scrapes at once would take the GIL from the event loop; one takes at most half of it.
        self._builds = Lock()

    def note_alive(self) -> None:
        """Note that the event loop runs."""
        self._alive_at = self._clock()

    def page_of(self, path: str) -> Page | None:
        """Return the page of a path; None if there is none."""
        match path:
            case "/livez":
                stalled_s = self._clock() - self._alive_at
                return _verdict(stalled_s < STALLED_SECONDS, "the event loop does not run")
            case "/readyz":
                return _verdict(self._is_serving(), "the server starts or stops")
            case "/metrics":
                with self._builds:
                    return Page(200, CONTENT_TYPE_PLAIN_1_0_0, generate_latest(self._registry))
            case "/channelz":
                with self._builds:
                    return Page(200, JSON, describe_channelz())
        return None


def _verdict(is_good: bool, fault: str) -> Page:
    return Page(200, TEXT, b"ok\n") if is_good else Page(503, TEXT, f"{fault}\n".encode())
