"""Programs that start `ordertrail` may have closed its standard streams, as some service managers and cron jobs do."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.cli.command_line import ENVIRONMENT, ORDERTRAIL, CommandLine
from tests.e2e.running_server import wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail.client import connect

CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all": "<&- >&- 2>&-"}
COMMANDS = [
    ["orders"],
    ["history", "--customer", "shop-1"],
    ["tail", "--data", "DATA"],
    ["schema", "list"],
    ["produce", "1"],
    ["import-json", "-"],
    ["--help"],
]


def command_without(streams: str, *args: str) -> list[str]:
    return ["/bin/sh", "-c", f'exec "$@" {CLOSED[streams]}', "sh", *ORDERTRAIL, *args]


@contextmanager
def start_command(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command; at the end it is killed."""
    with subprocess.Popen(command, env=ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a path that is short enough for a socket."""
    with TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("streams", CLOSED)
async def test_server_without_standard_streams_serves_and_stops(directory: Path, streams: str) -> None:
    address = f"unix:{directory}/socket"
    arguments = ["serve", "--data", str(directory / "data"), "--listen", address]
    with start_command(command_without(streams, *arguments)) as server:
        async with connect(address) as orders:
            await orders.reach(60)
            await wait_until_serving(address)
            receipt = await orders.send(build_order())
            order = await orders.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
        assert order.version == 1
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


@pytest.mark.parametrize("streams", CLOSED)
@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: str(args[0]))
def test_command_without_standard_streams_has_the_same_exit_code(
    ordertrail: CommandLine, data: Path, streams: str, args: list[str]
) -> None:
    arguments = [str(data) if argument == "DATA" else argument for argument in args]
    commands = ([*ORDERTRAIL, *arguments], command_without(streams, *arguments))
    usual, without = (
        subprocess.run(command, env=ordertrail.environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        for command in commands
    )
    assert without.returncode == usual.returncode
    assert without.stderr in (usual.stderr, b"")
