"""The composition root: builds all parts of a server for its roles and its log."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

from ordertrail_server.command_start import CommandStart
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.configured_log import create_source
from ordertrail_server.edge.address import Address, parse_address
from ordertrail_server.edge.bind_check import require_bindable
from ordertrail_server.edge.history_service import HistoryService
from ordertrail_server.edge.projection_service import ProjectionService
from ordertrail_server.edge.server import WHOLE_SERVER, Server
from ordertrail_server.edge.service_descriptors import (
    COMMANDS,
    HISTORY as HISTORY_SERVICE,
    IMPORT,
    PROJECTION,
    SUBSCRIPTIONS,
)
from ordertrail_server.fold_progress import log_fold_progress
from ordertrail_server.history.freshness import query_end_offsets
from ordertrail_server.history.recency import Recency
from ordertrail_server.history.tokens import Offsets
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.derived_stores import refuse_lost_facts
from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.log.kafka.threads import run_in_daemon_thread
from ordertrail_server.log.port import Log, SelfMonitoring
from ordertrail_server.log.progress import Progress
from ordertrail_server.operator_error import OperatorError
from ordertrail_server.projections.audit.scratch_directory import remove_leftover_audits
from ordertrail_server.projections.catalog import (
    ORDERS,
    added_projections,
    misnamed_projections,
    own_names,
)
from ordertrail_server.projections.generation import live_generation
from ordertrail_server.projections.host import ProjectionHost
from ordertrail_server.projections.served_definitions import write_served_definitions
from ordertrail_server.served_projections import ServedProjections
from ordertrail_server.settings import Settings
from ordertrail_server.subscription_start import start_subscriptions
from ordertrail_server.transport import open_transport
from ordertrail_server.webhooks.served_subscriptions import ServedSubscriptions

if TYPE_CHECKING:
    from ordertrail_server.admin_start import Admin

    # An embedded log does not need the Kafka client, which takes long to load.
    from ordertrail_server.subscription_holding import SubscriptionHolding

_log = logging.getLogger(__name__)


class ServingFailed(OperatorError):
    """The projector refused to continue. The message says why."""


class Service:
    """All parts of one server. They are closed in the reverse order in which they started."""

    def __init__(self, settings: Settings, exit_stack: AsyncExitStack, connect_timeout_s: float) -> None:
        self._settings, self._exit_stack = settings, exit_stack
        self._data = DataDirectory(settings.data)
        self._source = create_source(settings, connect_timeout_s)
        names = own_names(has_timeline=settings.timeline) if "projector" in settings.role else (ORDERS,)
        self._progress = {name: Progress(self._note_read) for name in names}
        self._handler: CommandHandler | None = None
        self._projections = ServedProjections(settings, self._data, self._progress, exit_stack)
        self._tasks: list[asyncio.Task[Any]] = []
        self._projector: ProjectionHost | None = None
        self._admin = self._create_admin()
        self._served = ServedSubscriptions()
        self._holding: SubscriptionHolding | None = None

    async def start(self) -> Address:
        """Listen, begin to start all parts, and return the address. A call of a part that is not ready waits for it.

        Raises OperatorError, OSError.
        """
        roles, address = self._settings.role, parse_address(self._settings.listen)
        log = await self._source.open(self._exit_stack)
        self._exit_stack.push_async_callback(log.close)
        await run_in_daemon_thread(require_bindable, address)
        if isinstance(log, SelfMonitoring):
            self._watch(log.raise_on_loss())
        if isinstance(log, EmbeddedLog):
            self._watch(log.trim_wal_regularly())
        damaged = await refuse_lost_facts(log, self._data)
        projector = await self._start_projector(log, damaged)
        queried_at, ends = time_ns(), await query_end_offsets(log)
        self._watch(log_fold_progress(self._progress, ends))
        metrics = None if self._admin is None else self._admin.calls
        transport = await open_transport(self._settings, self._watch)
        server = Server(
            self._settings.request_bytes,
            self._settings.batch_bytes,
            transport.gate,
            metrics,
            has_access_log=self._settings.access_log,
        )
        if "command" in roles:
            self._handler = self._start_handler(server, log, projector)
        history = None
        if "projector" in roles:
            history = self._start_queries(server, log, projector, queried_at, ends)
            if "query" in roles:
                if self._admin is not None:
                    self._admin.observe_queries(history.hub, self._served)
                await self._start_subscriptions(server, log, history, ends)
        address = await server.start(address, transport.credentials)
        self._run_holding(address)
        self._exit_stack.push_async_callback(self._stop_server, server)
        self._watch(server.raise_on_failure())
        self._watch(self._report_serving(server, self._handler, history))
        if self._admin is not None:
            self._admin.observe_access(transport.fault_counts)
            await self._admin.start(server, self._handler, self._watch, self._exit_stack)
        return address

    async def wait_failed(self) -> None:
        """Wait until a part of the server fails, and raise its error; never return."""
        tasks = self._tasks
        while tasks:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
                tasks.remove(task)
        await asyncio.Event().wait()

    def expect_stop(self) -> None:
        """Do not log a warning when the projector ends from now on, because the server stops."""
        if self._projector is not None:
            self._projector.expect_stop()

    def _create_admin(self) -> "Admin | None":
        if not self._settings.admin_listen:
            return None
        from ordertrail_server.admin_start import Admin  # few servers of a development machine need its libraries

        return Admin(self._settings)

    async def _start_projector(self, log: Log, damaged: Sequence[Path]) -> ProjectionHost:
        for name in misnamed_projections():
            _log.error("the projection %r of an installed package is ignored, because its name is not allowed", name)
        added_names = list(added_projections()) if "projector" in self._settings.role else []
        projector = self._projector = ProjectionHost(
            self._source,
            log,
            self._data.projections,
            list(self._progress),
            added_names,
            self._note_progress,
            self._switch_projection,
            self._settings.grace_seconds,
        )
        if self._admin is not None:
            self._admin.observe_log(log, projector)
        await asyncio.to_thread(remove_leftover_audits, self._data.projections)
        write_served_definitions(self._data.projections, [*self._progress, *added_names])
        projector.repair.remove_damaged(damaged, projector.names)
        await projector.start()
        self._watch(projector.repair.run())
        self._exit_stack.push_async_callback(projector.stop)
        self._watch(self._raise_if_refused(projector))
        return projector

    def _switch_projection(self, name: str, path: Path) -> None:
        self._projections.switch(name, path)
        if name == ORDERS and self._handler is not None:
            self._handler.switch_projection(path)

    def _note_progress(self, name: str, positions: dict[int, int]) -> None:
        if name in self._progress:
            self._progress[name].advance(positions)
        if self._admin is not None:
            self._admin.note_progress(name, positions)
        if name == ORDERS and self._handler is not None:
            self._handler.note_projected(positions)

    def _note_read(self) -> None:
        if self._projector is not None:
            self._projector.note_read()

    def _start_handler(self, server: Server, log: Log, projector: ProjectionHost) -> CommandHandler:
        path, on_damage = live_generation(self._data.projections, ORDERS), projector.repair.note_damage
        start = ProjectionStart(path, log, self._progress[ORDERS], on_damage)
        # A projector that watches the log itself needs no wake-ups from the writers.
        on_append = _no_wakeup if self._source.notifies_growth else projector.notify_growth
        commands = CommandStart(log, self._settings, self._admin, self._exit_stack, self._watch)
        return commands.start(server, start, on_append)

    def _start_queries(
        self, server: Server, log: Log, projector: ProjectionHost, queried_at: int, ends: Offsets
    ) -> HistoryService:
        """Open the projections. In a server without the role `query` they serve only the health status.

        `ends` are those of the log at the time `queried_at`, in nanoseconds since 1970.
        """
        queried = self._projections.open(log, ends, projector.repair.note_damage)
        recency = Recency(log.end, log.partitions, queried.history.progress, seen_at=queried_at)
        self._watch(recency.run())
        service = HistoryService(*queried, recency, self._settings.heartbeat_seconds)
        if "query" in self._settings.role:
            projections = ProjectionService(log, queried.orders.model, queried.history, projector.retry, projector)
            server.answer_queries(service, projections)
        return service

    async def _start_subscriptions(self, server: Server, log: Log, history: HistoryService, ends: Offsets) -> None:
        if isinstance(log, EmbeddedLog):
            await start_subscriptions(
                server, log, self._settings, history, ends, self._exit_stack, self._watch, self._served
            )
            return
        from ordertrail_server.log.kafka.log import KafkaLog
        from ordertrail_server.subscription_holding import SubscriptionHolding

        assert isinstance(log, KafkaLog)
        self._holding = SubscriptionHolding(log, self._settings, history, ends, server, self._served)
        await self._holding.open()

    def _run_holding(self, address: Address) -> None:
        if self._holding is not None:
            advertised, files = self._settings.advertise, self._settings.certificate_files
            self._watch(self._holding.run(parse_address(advertised) if advertised else address, files))

    async def _stop_server(self, server: Server) -> None:
        if self._holding is not None:
            await self._holding.close()  # first of all, so that another server continues meanwhile
        await server.stop(self._settings.grace_seconds)

    def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_retrieve_exception)
        self._tasks.append(task)
        self._exit_stack.callback(task.cancel)

    async def _report_serving(
        self, server: Server, handler: CommandHandler | None, history: HistoryService | None
    ) -> None:
        """Report SERVING for each service once it answers, and for the whole server after the last one.

        Reads are complete once the read model includes everything that was in the log at the start.
        """
        if handler is not None:
            await handler.wait_until_ready()
            for name in (COMMANDS.full_name, IMPORT.full_name):
                server.set_serving(name, True)
        if history is not None:
            await history.wait_complete()
            for name in (HISTORY_SERVICE.full_name, PROJECTION.full_name) if "query" in self._settings.role else ():
                server.set_serving(name, True)
            if "query" in self._settings.role and self._settings.log == "embedded":
                server.set_serving(SUBSCRIPTIONS.full_name, True)
        server.set_serving(WHOLE_SERVER, True)

    async def _raise_if_refused(self, projector: ProjectionHost) -> None:
        refusal = await projector.wait_ended()
        if refusal is not None:
            raise ServingFailed(refusal)


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    # If two tasks fail together, one ends the server. Without this, asyncio reports the other's error as not retrieved.
    if not task.cancelled():
        task.exception()


def _no_wakeup() -> None:
    pass
