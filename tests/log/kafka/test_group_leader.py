"""The search for the leader of a group while no broker answers."""

import gc
from pathlib import Path

import pytest
from tests.ports import find_free_port

from ordertrail_server.log.kafka.group_leader import GroupLeader
from ordertrail_server.log.port import LogUnavailable


def count_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_client_of_a_failed_query_is_closed_at_once() -> None:
    leader = GroupLeader({"bootstrap.servers": f"127.0.0.1:{find_free_port()}"}, "group", 0.05)
    before = count_threads()
    gc.disable()
    try:
        for _ in range(5):
            with pytest.raises(LogUnavailable):
                leader.find_address()
        assert count_threads() - before < 5
    finally:
        gc.enable()
