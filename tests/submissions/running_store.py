"""Servers in this process that store and decide submitted commands. Several may share a log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.commands.running_handler import ProjectedHandler
from tests.commands.sample_requests import new_id
from tests.submissions.viewer import VIEWER

from ordertrail.v1.commands_pb2 import Command
from ordertrail_server.access.rights import FULL_RIGHTS
from ordertrail_server.commands.handler import CommandHandler
from ordertrail_server.commands.prepare import Caller
from ordertrail_server.log.port import Log
from ordertrail_server.orders.refusal import Refusal
from ordertrail_server.schema.submitted_command import VERBS
from ordertrail_server.submissions.command_finder import CommandFinder, FoundCommand
from ordertrail_server.submissions.command_index import State
from ordertrail_server.submissions.command_store import CommandStore
from ordertrail_server.submissions.submission_observer import SubmissionObserver
from ordertrail_server.submissions.submitter import Conditions, Prepared, Submitter

SECOND = 1_000_000_000
NOW = 1_900_000_000 * SECOND
SOON = 30.0  # seconds: a limit for something that must happen


class Server(NamedTuple):
    """The parts of a server that handle commands."""

    handler: CommandHandler
    store: CommandStore
    submitter: Submitter
    finder: CommandFinder

    async def submit(self, *requests: Any, **conditions: Any) -> list[Prepared | Refusal]:
        """Submit copies of the requests together; return what the submitter returns for each."""
        settings = Conditions(
            conditions.get("defer_decision", False),
            conditions.get("not_before"),
            Caller(FULL_RIGHTS, "tester"),
            float("inf"),
        )
        results, _ = await self.submitter.submit([build_command(request) for request in requests], settings)
        return results

    async def wait_decided(self, command_id: str) -> FoundCommand:
        """Return a command once it has an outcome."""
        async with asyncio.timeout(SOON):
            async for command in self.finder.watch(command_id, VIEWER):
                if command.state is not State.OPEN:
                    return command
        raise AssertionError("the watch ended without an outcome")

    async def decide(self, *requests: Any, **conditions: Any) -> list[FoundCommand]:
        """Submit the requests; return the commands once all have outcomes."""
        return [await self.wait_decided(id_of(result)) for result in await self.submit(*requests, **conditions)]


def id_of(result: Prepared | Refusal) -> str:
    """Return the id of a stored command."""
    assert isinstance(result, Prepared), result
    return result.command_id


def build_command(request: Any) -> Command:
    command = Command()
    getattr(command, VERBS[request.DESCRIPTOR.full_name]).CopyFrom(request)
    return command


@asynccontextmanager
async def run_server(
    log: Log,
    directory: Path,
    clock: Sequence[int] = (NOW,),
    grace_s: float = 0.0,
    observer: SubmissionObserver | None = None,
) -> AsyncIterator[Server]:
    """Run a server with its files in a directory. Its clock shows the only element of `clock`, in nanoseconds."""
    async with AsyncExitStack() as stack:
        handler = await stack.enter_async_context(ProjectedHandler(log, directory / "projections").run())
        path = directory / "commands" / "index.sqlite"
        store = CommandStore(log, path, handler, lambda: clock[0], grace_s, observer)
        running = asyncio.create_task(store.run())
        stack.push_async_callback(_end, running)
        ready = asyncio.create_task(store.wait_ready(asyncio.get_running_loop().time() + SOON))
        await asyncio.wait([ready, running], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            ready.cancel()
            running.result()
        yield Server(handler, store, Submitter(store, new_id), CommandFinder(store))


async def _end(task: "asyncio.Task[None]") -> None:
    if task.done():
        task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
