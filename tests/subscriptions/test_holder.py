"""A server that cannot begin its term."""

import asyncio
from typing import Any

import pytest
from tests.subscriptions.memory_topic import MemoryTopic

from ordertrail_server.log.message_topic import Bounds
from ordertrail_server.log.port import LogUnavailable
from ordertrail_server.subscriptions.kafka import holder as holder_module
from ordertrail_server.subscriptions.kafka.holder import Holder


class UnreachableTopic(MemoryTopic):
    """A topic whose broker does not answer. `repeated` is set when it was queried five times."""

    def __init__(self) -> None:
        super().__init__()
        self.query_count, self.repeated = 0, asyncio.Event()

    async def query_bounds(self) -> Bounds:
        self.query_count += 1
        if self.query_count == 5:
            self.repeated.set()
        raise LogUnavailable("no broker answers")


class AssignedMembership:
    """A membership that has the partition from the beginning."""

    def __init__(self, on_assigned: Any, *_: Any) -> None:
        on_assigned()

    async def leave(self) -> None:
        pass


def refuse(*_: Any) -> Any:
    raise AssertionError("there is no term")


async def test_topic_without_a_broker_is_reported_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holder_module, "RETRY_SECONDS", 0.0)
    topic = UnreachableTopic()
    running = asyncio.create_task(Holder(topic, AssignedMembership, refuse, refuse, lambda: "1", 3.0).run())
    await topic.repeated.wait()
    running.cancel()
    await asyncio.wait({running})
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("subscriptions are not served yet: ")
