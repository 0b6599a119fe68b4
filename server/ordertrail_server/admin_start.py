"""Builds the admin listener of a server, and the metrics behind it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    disable_created_metrics,
)

from ordertrail_server.admin.access_state import AccessState
from ordertrail_server.admin.command_metrics import CommandMetrics
from ordertrail_server.admin.command_state import CommandState
from ordertrail_server.admin.file_state import FileState
from ordertrail_server.admin.listener import AdminListener
from ordertrail_server.admin.log_state import LogState
from ordertrail_server.admin.pages import Pages
from ordertrail_server.admin.rebuild_state import RebuildState
from ordertrail_server.admin.record_state import RecordState
from ordertrail_server.admin.sampling import SampledCollector, sample_regularly
from ordertrail_server.admin.stream_state import StreamState
from ordertrail_server.admin.submission_metrics import SubmissionMetrics
from ordertrail_server.admin.submission_state import SubmissionState
from ordertrail_server.admin.subscription_metrics import SubscriptionMetrics
from ordertrail_server.admin.webhook_metrics import WebhookMetrics
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.edge.address import parse_address
from ordertrail_server.edge.call_metrics import CallMetrics
from ordertrail_server.edge.server import Server
from ordertrail_server.history.streaming.stream_hub import StreamHub
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log
from ordertrail_server.projections.catalog import ORDERS
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.host import ProjectionHost
from ordertrail_server.settings import Settings
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions

_log = logging.getLogger(__name__)

ALIVE_SECONDS = 1.0

Watch = Callable[[Coroutine[Any, Any, None]], None]


class Admin:
    """The metrics of one server, and the pages that show them.

    Metrics of what the server's roles do not do are absent.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self._registry.register(collector)
        # Without it, each counter has a second series, which few use.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate it
        self.calls = CallMetrics(self._registry)
        self._sampled: list[SampledCollector] = []
        self._log_state: LogState | None = None
        self._records: RecordState | None = None

    def observe_commands(self) -> CommandMetrics:
        """Add metrics of decisions and of appends."""
        return CommandMetrics(self._registry)

    def observe_submissions(self) -> SubmissionMetrics:
        """Add metrics of what becomes of submitted commands."""
        return SubmissionMetrics(self._registry)

    def sample_submissions(self, store: CommandStore) -> None:
        """Add metrics of the submitted commands that wait."""
        self._sample(SubmissionState(store))

    def observe_access(self, fault_counts: Callable[[], Mapping[str, int]]) -> None:
        """Add metrics of the policy and the certificates."""
        self._registry.register(AccessState(fault_counts))

    def observe_log(self, log: Log, projector: ProjectionHost) -> None:
        """Add metrics of the log, its projections and the files."""
        self._log_state = LogState(log, projector.names, projector.stopped_reason)
        directory = DataDirectory(self._settings.data).projections
        rebuilds = RebuildState(projector.names, projector.rebuilt_counts, projector.repair.counts)
        self._records = RecordState(log.partitions, partial(live_generation, directory, ORDERS))
        for collector in (self._log_state, self._records, rebuilds, FileState(self._settings.data)):
            self._sample(collector)
        if self._settings.log == "kafka":
            self._observe_kafka(log)

    def note_progress(self, name: str, positions: Mapping[int, int]) -> None:
        """Note how far a projection is."""
        if self._log_state is not None:
            self._log_state.note_positions(name, positions)

    def observe_queries(self, hub: StreamHub, served: ServedSubscriptions) -> None:
        """Add metrics of streams, subscriptions and webhooks."""
        self._registry.register(StreamState(hub))
        log_state = self._log_state
        assert log_state is not None
        self._sample(SubscriptionMetrics(served, lambda: log_state.ends))
        self._sample(WebhookMetrics(served))

    async def start(
        self, server: Server, handler: CommandHandler | None, watch: Watch, exit_stack: AsyncExitStack
    ) -> None:
        """Listen on the admin address of the settings. Raises OSError with the reason."""
        if handler is not None:
            self._registry.register(CommandState(lambda: handler.waiting_counts))
        pages = Pages(self._registry, lambda: server.is_serving)
        listener = await asyncio.to_thread(AdminListener, parse_address(self._settings.admin_listen), pages.page_of)
        exit_stack.push_async_callback(asyncio.to_thread, listener.stop)
        if self._records is not None:
            exit_stack.push_async_callback(self._records.close)
        watch(sample_regularly(self._sampled))
        watch(_note_alive_regularly(pages))
        _log.info("metrics and probes are on http://%s", listener.address)

    def _sample(self, collector: SampledCollector) -> None:
        self._registry.register(collector)
        self._sampled.append(collector)

    def _observe_kafka(self, log: Log) -> None:
        from ordertrail_server.admin.kafka_metrics import KafkaMetrics
        from ordertrail_server.log.kafka.log import KafkaLog

        if isinstance(log, KafkaLog) and log.statistics is not None:
            self._registry.register(KafkaMetrics(log.statistics))


async def _note_alive_regularly(pages: Pages) -> None:
    while True:
        pages.note_alive()
        await asyncio.sleep(ALIVE_SECONDS)
