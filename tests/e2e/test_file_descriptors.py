"""A server without free file descriptors reports it, and recovers when it has some again."""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.direct_call import open_channel_without_retries, place_order
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS, build_request
from tests.e2e.running_server import RunningServer, build_arguments, build_environment, wait_until_serving
from tests.e2e.sample_orders import build_order

from ordertrail_server.log.embedded.log import EmbeddedLog
from ordertrail_server.storage.connection import connect_reader, connect_writer
from ordertrail_server.storage.descriptors import NEEDED
from ordertrail_server.storage.sqlite_error import OutOfDescriptors

NOT_STARTED = "the projector could not be started: the process has no file descriptors left"
STANDARD_STREAMS = 3
READS = ["GetOrder", "ListOrders", "ListOrderEvents", "StreamOrderEvents", "ListParkedOrders", "ListEventSchemas"]


@contextmanager
def exhaust_file_descriptors(pid: int) -> Iterator[None]:
    """Prevent a process from opening more files, also after it has closed some."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (STANDARD_STREAMS, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("name", READS)
async def test_query_without_file_descriptors_is_unavailable_and_commands_succeed(
    server: RunningServer, name: str
) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with asyncio.timeout(20):
        while not server.stderr:  # noqa: ASYNC110 (the first line loads a library, and with it opens files)
            await asyncio.sleep(0.05)
    async with open_channel_without_retries(server) as channel:
        receipt = await place_order(channel, build_order())
        request = build_request(name, receipt.event.order_id)
        with exhaust_file_descriptors(server.pid):
            call_refusal = await catch_refusal(RPCS[name].call(channel, request.SerializeToString()))
            assert (call_refusal.code.name, call_refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
            assert "the process has no file descriptors left: raise its limit" in call_refusal.message
            assert (await place_order(channel, build_order())).order_version == 1
        if name == "GetOrder":  # the projector may not have reached the order yet
            request.at_least_as_fresh.append(receipt.consistency_token)
        assert await RPCS[name].call(channel, request.SerializeToString())
    assert server.faults == []


async def test_projector_restarts_when_file_descriptors_are_available_again(server: RunningServer) -> None:
    server.start()
    await wait_until_serving(server.address)
    async with open_channel_without_retries(server) as channel:
        receipt = await place_order(channel, build_order())
        with exhaust_file_descriptors(server.pid):
            os.kill(server.projector, signal.SIGKILL)
            async with asyncio.timeout(60):
                while NOT_STARTED not in server.stderr:
                    await place_order(channel, build_order())
        last = await place_order(channel, build_order())
        request = build_request("GetOrder", receipt.event.order_id)
        request.at_least_as_fresh.append(last.consistency_token)
        assert await RPCS["GetOrder"].call(channel, request.SerializeToString())
    assert server.faults == []


@pytest.mark.parametrize("limit", [8, 12, 20, NEEDED - 1])
def test_server_refuses_to_start_with_too_few_descriptors(tmp_path: Path, limit: int) -> None:
    line = ["/bin/sh", "-c", f'ulimit -n {limit}; exec "$@"', "sh", *build_arguments(tmp_path / "data", "127.0.0.1:0")]
    result = subprocess.run(line, env=build_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert (
        result.stderr
        == f"Error: the limit of file descriptors is {limit}; a server needs {NEEDED} or more (ulimit -n)\n"
    )


async def test_lack_of_file_descriptors_is_not_reported_as_damaged_log(tmp_path: Path) -> None:
    log = EmbeddedLog.create(tmp_path)
    await log.close()
    with exhaust_file_descriptors(os.getpid()):
        for connect in (connect_reader, connect_writer):
            with pytest.raises(OutOfDescriptors, match="no file descriptors left"):
                connect(tmp_path / "log.sqlite")
