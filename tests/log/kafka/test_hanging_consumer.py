"""Calls of a consumer that never return, because its threads wait for each other, are given up after a time limit."""

import asyncio
from collections.abc import Iterator
from threading import Event
from typing import Any, cast

import pytest
from confluent_kafka import Consumer
from tests.ports import find_free_port

from ordertrail_server.log.kafka import cursor as cursors, group_membership
from ordertrail_server.log.kafka.cursor import Cursor
from ordertrail_server.log.kafka.group_membership import GroupMembership
from ordertrail_server.log.kafka.readers import Cursors
from ordertrail_server.log.kafka.settings import tail_settings
from ordertrail_server.log.kafka.threads import call_with_limit
from ordertrail_server.log.port import LogUnavailable


class HangingConsumer:
    """A consumer whose calls never return once it `hangs`, until the test ends. It returns no messages."""

    def __init__(self) -> None:
        self.hangs, self.test_ends = False, Event()

    def poll(self, _: float) -> None:
        """Return no message. This call needs none of the threads that wait for each other."""

    def subscribe(self, *_: object, **__: object) -> None:
        """Join a group."""

    def assign(self, *_: object) -> None:
        """Assign a partition. While this hangs, no other thread of the process would run."""
        assert not self.hangs

    def unassign(self) -> None:
        """Assign nothing. While this hangs, no other thread of the process would run."""
        assert not self.hangs

    def seek(self, _: object) -> None:
        self._hang()

    def list_topics(self, *_: object, timeout: float) -> None:
        self._hang()

    def close(self) -> None:
        self._hang()

    def _hang(self) -> None:
        if self.hangs:
            self.test_ends.wait()


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingConsumer]:
    monkeypatch.setattr(cursors, "SILENCE_SECONDS", 0.0)
    monkeypatch.setattr(cursors, "CALL_SECONDS", 0.05)
    consumer = HangingConsumer()
    yield consumer
    consumer.test_ends.set()


@pytest.fixture
def cursor(consumer: HangingConsumer) -> Cursor:
    """Return a cursor at offset 3 whose consumer hangs from now on."""
    cursor = Cursor(tail_settings({"bootstrap.servers": f"127.0.0.1:{find_free_port()}"}), "orders.events")
    cursor._consumer.close()
    cursor._consumer = cast("Consumer", cast("Any", consumer))
    cursor.seek(0, 3)
    consumer.hangs = True
    return cursor


def test_closed_cursor_is_given_up(cursor: Cursor) -> None:
    cursor.close()


@pytest.mark.parametrize("partition", [0, 1])
def test_moved_cursor_is_given_up(cursor: Cursor, partition: int) -> None:
    with pytest.raises(LogUnavailable, match="a consumer hangs"):
        cursor.seek(partition, 4)


def test_cursor_that_must_stop_fetching_is_given_up(cursor: Cursor) -> None:
    pool = Cursors(lambda: cursor, 1)
    with pool.lend(cursor):
        cursor.unassign()
    assert not pool.has_idle_at(0, 3)


def test_waiting_cursor_is_given_up_and_not_used_again(cursor: Cursor) -> None:
    tails = Cursors(lambda: cursor)
    with pytest.raises(LogUnavailable, match="a consumer hangs"), tails.lend(cursor):
        cursor.poll_growth()
    assert not tails.has_idle_at(0, 3)


async def test_member_of_a_group_ends_its_work_when_it_is_given_up(
    consumer: HangingConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_membership, "create_client", lambda *_: consumer)
    monkeypatch.setattr(group_membership, "CLOSE_SECONDS", 0.05)
    revoked = asyncio.Event()

    async def revoke() -> None:
        revoked.set()

    member = GroupMembership({}, "orders.events", "member", lambda: None, revoke, lambda: None)
    consumer.hangs = True
    await member.leave()
    assert revoked.is_set()


def test_call_with_a_limit_returns_or_raises_what_the_call_does() -> None:
    assert call_with_limit(lambda: 1, 60.0) == 1
    with pytest.raises(ZeroDivisionError):
        call_with_limit(lambda: 1 // 0, 60.0)
