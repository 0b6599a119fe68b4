"""A server that has no file descriptors left says so, and goes on when it has some again."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.refusals import refusal
from tests.e2e.rpcs import RPCS, a_request
from tests.e2e.running_server import RunningServer, arguments, environment, until_serving
from tests.e2e.shop import an_order
from tests.e2e.test_trouble import bare, placed

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.storage.descriptors import NEEDED
from ordertrail_server.storage.sqlite import OutOfDescriptors, connect_reader, connect_writer

NOT_STARTED = "the projector could not be started: the process has no file descriptors left"
READS = ["GetOrder", "ListOrders", "ListOrderEvents", "StreamOrderEvents", "ListParkedOrders", "ListEventSchemas"]


@contextmanager
def no_descriptors(pid: int) -> Iterator[None]:
    """Let a process open nothing more."""
    numbers = os.listdir(f"/proc/{pid}/fd")
    taken = {int(number) for number in numbers if os.path.lexists(f"/proc/{pid}/fd/{number}")}
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(len(taken) + 1)) - taken), limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("name", READS)
async def test_read_without_descriptors_says_so_and_commands_go_on(server: RunningServer, name: str) -> None:
    server.start()
    await until_serving(server.address)
    async with bare(server) as channel:
        order_id = (await placed(channel, an_order())).event.order_id
        request = a_request(name, order_id).SerializeToString()
        with no_descriptors(server.pid):
            told = await refusal(RPCS[name].call(channel, request))
            assert (told.code.name, told.reason) == ("UNAVAILABLE", "UNAVAILABLE")
            assert "the process has no file descriptors left: raise its limit" in told.message
            assert (await placed(channel, an_order())).order_version == 1
        assert await RPCS[name].call(channel, request)
    assert server.faults == []


async def test_projector_is_started_again_when_there_are_descriptors(server: RunningServer) -> None:
    server.start()
    await until_serving(server.address)
    async with bare(server) as channel:
        receipt = await placed(channel, an_order())
        with no_descriptors(server.pid):
            os.kill(server.projector, signal.SIGKILL)
            async with asyncio.timeout(60):
                while NOT_STARTED not in server.stderr:
                    await placed(channel, an_order())
        last = await placed(channel, an_order())
        request = a_request("GetOrder", receipt.event.order_id)
        request.at_least_as_fresh.append(last.consistency_token)
        assert await RPCS["GetOrder"].call(channel, request.SerializeToString())
    assert server.faults == []


@pytest.mark.parametrize("limit", [8, 12, 20, NEEDED - 1])
def test_limit_that_is_too_low_for_a_server_is_refused(tmp_path: Path, limit: int) -> None:
    line = ["/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *arguments(tmp_path / "data", "127.0.0.1:0")]
    ended = subprocess.run(line, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert (
        ended.stderr
        == f"Error: the limit of file descriptors is {limit}; a server needs {NEEDED} or more (ulimit -n)\n"
    )


async def test_log_that_cannot_be_opened_for_want_of_descriptors_is_not_damaged(tmp_path: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    await log.close()
    with no_descriptors(os.getpid()):
        for connect in (connect_reader, connect_writer):
            with pytest.raises(OutOfDescriptors, match="no file descriptors left"):
                connect(tmp_path / "log.sqlite")
