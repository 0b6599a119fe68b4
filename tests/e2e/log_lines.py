"""The log lines of a server, which are JSON."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.running_server import RunningServer

Line = dict[str, Any]


def create_logging_server(data: Path, **settings: str) -> RunningServer:
    """Return a server with an access log, and log lines as JSON."""
    environment = {"ORDERTRAIL_LOG_FORMAT": "auto", "ORDERTRAIL_ACCESS_LOG": "1"}
    return RunningServer(data, environment | {f"ORDERTRAIL_{name}": value for name, value in settings.items()})


def read_lines(server: RunningServer) -> list[Line]:
    """Return all lines; fails if one is not JSON."""
    return [json.loads(line) for line in server.stderr.splitlines()]


def read_accesses(server: RunningServer, rpc: str = "") -> list[Line]:
    """Return the lines of calls, by default of all rpcs."""
    lines = [line for line in read_lines(server) if line["logger"] == "ordertrail_server.access"]
    return [line for line in lines if not rpc or line["rpc"] == rpc]


async def wait_for_lines(read: Callable[[], list[Line]], count: int) -> list[Line]:
    """Return the lines when there are as many."""
    async with asyncio.timeout(20):
        while len(lines := await asyncio.to_thread(read)) < count:  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.05)
    return lines
