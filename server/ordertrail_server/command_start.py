"""Builds the part of a server that takes commands: the write side, and submitted commands."""

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from time import time_ns
from typing import TYPE_CHECKING, Any

from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.projection_start import ProjectionStart
from ordertrail_server.edge.batch_work import BatchWork
from ordertrail_server.edge.command_service import CommandService
from ordertrail_server.edge.import_service import ImportService
from ordertrail_server.edge.receipts import Receipts
from ordertrail_server.edge.server import Server
from ordertrail_server.edge.submission_messages import CommandMessages
from ordertrail_server.edge.submission_service import SubmissionService
from ordertrail_server.log.data_directory import DataDirectory
from ordertrail_server.log.port import Log
from ordertrail_server.new_id import create_id
from ordertrail_server.settings import Settings
from ordertrail_server.submissions.command_finder import CommandFinder
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.submissions.processor import GRACE_S
from ordertrail_server.submissions.submitter import Submitter

if TYPE_CHECKING:
    from ordertrail_server.admin_start import Admin

Watch = Callable[[Coroutine[Any, Any, None]], None]


class CommandStart:
    """Starts the parts on a log. `watch` runs a task whose failure ends the server."""

    def __init__(
        self, log: Log, settings: Settings, admin: "Admin | None", exit_stack: AsyncExitStack, watch: Watch
    ) -> None:
        self._log, self._settings, self._admin = log, settings, admin
        self._exit_stack, self._watch = exit_stack, watch

    def start(self, server: Server, projection: ProjectionStart, on_append: Callable[[], None]) -> CommandHandler:
        """Have the server answer commands, on the projection `orders`. `on_append` is called after each append."""
        handler = self._start_handler(projection, on_append)
        receipts, batch_work = Receipts(self._log, handler), BatchWork(handler)
        commands = CommandService(handler, receipts, create_id, batch_work)
        submissions = self._start_submissions(handler, receipts)
        server.answer_commands(commands, ImportService(receipts, batch_work), submissions)
        return handler

    def _start_handler(self, projection: ProjectionStart, on_append: Callable[[], None]) -> CommandHandler:
        settings = self._settings
        observer = None if self._admin is None else self._admin.observe_commands()
        handler = CommandHandler(
            self._log,
            projection,
            create_id,
            on_append,
            settings.waiting_commands,
            settings.order_cache_bytes,
            settings.unprojected_bytes,
            observer,
        )
        self._exit_stack.push_async_callback(handler.stop, settings.grace_seconds)
        self._watch(handler.run())
        return handler

    def _start_submissions(self, handler: CommandHandler, receipts: Receipts) -> SubmissionService:
        grace_s = 0.0 if self._log.capabilities.atomic_append else GRACE_S
        path = DataDirectory(self._settings.data).command_index
        observer = None if self._admin is None else self._admin.observe_submissions()
        store = CommandStore(self._log, path, handler, time_ns, grace_s, observer)
        if self._admin is not None:
            self._admin.sample_submissions(store)
        self._watch(store.run())
        messages = CommandMessages(handler, receipts)
        return SubmissionService(store, Submitter(store, create_id), CommandFinder(store), messages)
