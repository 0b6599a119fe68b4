"""Builds the admin listener of a server, and the metrics behind it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    disable_created_metrics,
)

from ordertrail_server.admin.decision_metrics import DecisionMetrics
from ordertrail_server.admin.listener import AdminListener
from ordertrail_server.admin.pages import Pages
from ordertrail_server.admin.server_state import ServerState
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.edge.address import parse_address
from ordertrail_server.edge.call_metrics import CallMetrics
from ordertrail_server.edge.server import Server
from ordertrail_server.log.port import Log
from ordertrail_server.log.progress import Progress
from ordertrail_server.settings import Settings

_log = logging.getLogger(__name__)

ALIVE_SECONDS = 1.0

Watch = Callable[[Coroutine[Any, Any, None]], None]


class Admin:
    """The metrics of one server, and the pages that show them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)
        # Without it, each counter has a second series, which few use.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate it
        self.calls, self.decisions = CallMetrics(self._registry), DecisionMetrics(self._registry)

    async def start(
        self,
        settings: Settings,
        server: Server,
        log: Log,
        progress: Mapping[str, Progress],
        handler: CommandHandler | None,
        watch: Watch,
        exit_stack: AsyncExitStack,
    ) -> None:
        """Listen on the admin address of the settings. Raises OSError with the reason."""
        state = ServerState(log, progress, lambda: [] if handler is None else handler.waiting_counts, settings.data)
        self._registry.register(state)
        pages = Pages(self._registry, lambda: server.is_serving)
        listener = await asyncio.to_thread(AdminListener, parse_address(settings.admin_listen), pages.page_of)
        exit_stack.push_async_callback(asyncio.to_thread, listener.stop)
        watch(state.sample_regularly())
        watch(_note_alive_regularly(pages))
        _log.info("metrics and probes are on http://%s", listener.address)


async def _note_alive_regularly(pages: Pages) -> None:
    while True:
        pages.note_alive()
        await asyncio.sleep(ALIVE_SECONDS)
