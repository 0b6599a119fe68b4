"""Builds the admin listener of a server, and the metrics behind it."""

import asyncio
from collections.abc import Callable, Coroutine
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
from ordertrail_server.edge.address import Address
from ordertrail_server.edge.call_metrics import CallMetrics

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
        address: Address,
        state: ServerState,
        is_serving: Callable[[], bool],
        watch: Watch,
        exit_stack: AsyncExitStack,
    ) -> Address:
        """Listen, and return the address. Raises OSError with the reason."""
        self._registry.register(state)
        pages = Pages(self._registry, is_serving)
        listener = await asyncio.to_thread(AdminListener, address, pages.page_of)
        exit_stack.push_async_callback(asyncio.to_thread, listener.stop)
        watch(state.sample_regularly())
        watch(_note_alive_regularly(pages))
        return listener.address


async def _note_alive_regularly(pages: Pages) -> None:
    while True:
        pages.note_alive()
        await asyncio.sleep(ALIVE_SECONDS)
