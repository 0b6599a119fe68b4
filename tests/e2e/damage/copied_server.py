"""A server on a copy of a data directory, in which files can be damaged."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from tests.e2e.direct_call import open_channel_without_retries
from tests.e2e.running_server import RunningServer

# Little memory for orders, so that commands read them from the file.
ENVIRONMENT = {"ORDERTRAIL_ORDER_CACHE_BYTES": str(1024 * 1024)}


@asynccontextmanager
async def run_copy(
    directory: Path,
    copy: Path,
    damage: Callable[[Path], None] = lambda data: None,
    environment: Mapping[str, str] = {},
) -> AsyncIterator[tuple[RunningServer, grpc.aio.Channel]]:
    """Run a server on a copy of a data directory, after `damage` has changed the copy."""
    shutil.copytree(directory, copy)
    damage(copy)
    server = RunningServer(copy, {**ENVIRONMENT, **environment})
    try:
        server.spawn()
        async with open_channel_without_retries(server) as channel:
            yield server, channel
    finally:
        server.close()
        shutil.rmtree(copy, ignore_errors=True)  # the projector may still be ending
