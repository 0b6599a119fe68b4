import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.command_line import CommandLine, start_server, stop


class Restartable:
    """A server of a data directory that comes back on its address."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._process, self.address = start_server(data)
        self.command_line = CommandLine(self.address)

    def restart(self, stop_signal: signal.Signals) -> None:
        self._process.send_signal(stop_signal)
        self._process.communicate(timeout=20)
        self._process, _ = start_server(self.data, self.address)

    def stop(self) -> None:
        stop(self._process)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Restartable]:
    started = Restartable(tmp_path / "data")
    try:
        yield started
    finally:
        started.stop()


def lines(running: "subprocess.Popen[str]", count: int | None = None) -> list[Any]:
    """The next `count` lines of a command as values, or all remaining lines."""
    assert running.stdout is not None
    if count is None:
        return [json.loads(line) for line in running.stdout]
    return [json.loads(running.stdout.readline()) for _ in range(count)]


@pytest.mark.parametrize("stop_signal", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_restart_during_produce_loses_and_repeats_no_command(server: Restartable, stop_signal: signal.Signals) -> None:
    produce = server.command_line.start("produce", "2000", "--life", "0.3", "--show-acks", "--json")
    try:
        acks = lines(produce, 300)
        server.restart(stop_signal)
        assert produce.poll() is None
        *later_acks, counts = lines(produce)
    finally:
        stop(produce)
    assert (produce.returncode, counts["orders"], counts["refused"]) == (0, 2000, 0)
    facts = {(ack["orderId"], ack["orderVersion"]): ack["position"]["offset"] for ack in acks + later_acks}
    assert len(facts) == counts["acknowledged"]
    records = server.command_line.lines("tail", "--data", str(server.data))
    logged = {(record["key"], record["event"]["orderVersion"]): str(record["offset"]) for record in records}
    assert logged == facts
    assert len(records) == len(facts)


@pytest.mark.parametrize("stop_signal", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_restart_during_followed_history_loses_and_repeats_no_event(
    server: Restartable, stop_signal: signal.Signals
) -> None:
    server.command_line.record("produce", "300")
    before = server.command_line.lines("history", "--customer", "shop-1")
    following = server.command_line.start("history", "--customer", "shop-1", "--follow", "--json")
    try:
        events = lines(following, len(before))
        server.restart(stop_signal)
        server.command_line.record("produce", "300")
        after = server.command_line.lines("history", "--customer", "shop-1")
        events += lines(following, len(after) - len(before))
    finally:
        stop(following)
    assert events == after
