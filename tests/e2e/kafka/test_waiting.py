"""Servers that start while brokers are away, and commands that meet none."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.command_line import ENVIRONMENT, ORDERTRAIL
from tests.e2e.kafka.servers import Caller, create_empty_topic, create_server, run_servers
from tests.e2e.running_server import RunningServer
from tests.e2e.sample_orders import build_order
from tests.kafka.cluster import Cluster, run_cluster
from tests.ports import find_free_port

from ordertrail_server.log.kafka.topic import create_topic

LONG, SHORT, NEVER = "86400", "4", "0"
COMMANDS = [
    ["topics", "check"],
    ["topics", "create"],
    ["topics", "delete"],
    ["tail"],
    ["tail", "--group", "readers"],
    ["log", "copy", "--to", "data", "--data", "DATA"],
    ["import-json", "--from-topic", "orders"],
]


@pytest.fixture
def unused_address() -> str:
    """An address on which no broker listens."""
    return f"127.0.0.1:{find_free_port()}"


def create_server_without_brokers(unused_address: str, data: Path, seconds: str) -> RunningServer:
    settings = {"LOG": "kafka", "BOOTSTRAP": unused_address, "BROKER_WAIT_SECONDS": seconds}
    return RunningServer(data, {f"ORDERTRAIL_{name}": value for name, value in settings.items()})


async def wait_until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (another process writes the file)
            await asyncio.sleep(0.02)


async def test_server_waits_for_its_broker_and_starts_when_it_is_there(cluster: Cluster, tmp_path: Path) -> None:
    topic = create_empty_topic(cluster, "brokers.late")
    server = create_server(cluster, topic, tmp_path / "data", BROKER_WAIT_SECONDS=LONG)
    cluster.nodes[0].kill()
    try:
        server.spawn()
        await wait_until(lambda: "waiting for the brokers" in server.stderr)
    finally:
        cluster.nodes[0].start()
        await asyncio.to_thread(cluster.await_ready)
    await asyncio.to_thread(server.wait_until_listening)
    async with Caller(server) as caller:
        assert (await caller.send(0, build_order())).order_version == 1
    assert cluster.bootstrap in server.stderr
    assert server.stop() == 0
    assert server.faults == []


@pytest.mark.trial
async def test_server_starts_while_one_of_three_brokers_is_down(kafka: None, tmp_path: Path) -> None:
    with run_cluster(tmp_path / "kafka", 3) as cluster:
        create_topic({"bootstrap.servers": cluster.bootstrap}, "orders", partitions=3, replicas=3)
        cluster.nodes[0].kill()
        server = create_server(cluster, "orders", tmp_path / "data", BROKER_WAIT_SECONDS=LONG)
        with run_servers(server):
            async with Caller(server) as caller:
                assert (await caller.send(0, build_order())).order_version == 1


async def test_signal_ends_a_server_that_waits_for_brokers(unused_address: str, tmp_path: Path) -> None:
    server = create_server_without_brokers(unused_address, tmp_path / "data", LONG)
    server.spawn()
    await wait_until(lambda: "waiting for the brokers" in server.stderr)
    server.signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait) == 0
    assert server.faults == []


def test_server_refuses_to_start_when_the_time_is_over(unused_address: str, tmp_path: Path) -> None:
    server = create_server_without_brokers(unused_address, tmp_path / "data", NEVER)
    server.spawn()
    assert server.wait() == 1
    assert server.stderr.splitlines()[-1].startswith(f"Error: cannot connect to any broker of {unused_address}: ")
    assert "Connection refused" in server.stderr
    assert server.faults == []


def test_short_wait_is_logged_before_it_is_over(unused_address: str, tmp_path: Path) -> None:
    server = create_server_without_brokers(unused_address, tmp_path / "data", SHORT)
    server.spawn()
    assert server.wait() == 1
    assert "waiting for the brokers" in server.stderr
    assert server.stderr.splitlines()[-1].startswith(f"Error: cannot connect to any broker of {unused_address}: ")
    assert server.faults == []


def test_wait_for_a_silent_broker_is_logged_before_it_is_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = create_server_without_brokers(f"127.0.0.1:{listener.getsockname()[1]}", tmp_path / "data", SHORT)
        server.spawn()
        assert server.wait() == 1
    assert "waiting for the brokers" in server.stderr
    assert server.faults == []


def test_command_without_brokers_ends_with_one_sentence(unused_address: str, tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [*ORDERTRAIL, *(str(tmp_path / "copy") if word == "DATA" else word for word in command)],
            env={**ENVIRONMENT, "ORDERTRAIL_BOOTSTRAP": unused_address},
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in COMMANDS
    ]
    for command, process in zip(COMMANDS, running, strict=True):
        _, stderr = process.communicate(timeout=60)
        assert process.returncode == (2 if command[0] == "import-json" else 1)
        assert stderr.startswith(f"Error: cannot connect to any broker of {unused_address}: ")
        assert "Connection refused" in stderr
        assert stderr.count("\n") == 1
