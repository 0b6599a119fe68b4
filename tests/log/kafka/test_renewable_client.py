"""Clients are replaced after failures, because some never answer again, and the old ones do not remain."""

import gc
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from tests.ports import find_free_port

from ordertrail_server.log.kafka import renewable_client
from ordertrail_server.log.kafka.cursor import Cursor
from ordertrail_server.log.kafka.findings import TopicState
from ordertrail_server.log.kafka.identity import KafkaIdentity
from ordertrail_server.log.kafka.leader_offsets import LeaderOffsets
from ordertrail_server.log.kafka.renewable_client import RenewableClient
from ordertrail_server.log.kafka.settings import admin_settings, create_client, tail_settings
from ordertrail_server.log.kafka.threads import run_in_pool
from ordertrail_server.log.port import LogDamaged, LogUnavailable

Query = Callable[[], Awaitable[object]]
QUERIES, QUERY_S = 10, 0.05


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewable_client, "PAUSE_SECONDS", -1.0)


def fail(client: RenewableClient[str], error: Exception) -> None:
    with pytest.raises(type(error)), client.lend():
        raise error


@pytest.mark.usefixtures("no_pause")
@pytest.mark.parametrize(
    "error", [KafkaException(KafkaError(KafkaError._TRANSPORT)), LogUnavailable("no answer")], ids=["Kafka", "log"]
)
def test_client_is_replaced_after_a_query_without_an_answer(error: Exception) -> None:
    names = iter(("first", "second"))
    client = RenewableClient(lambda: next(names))
    fail(client, error)
    assert client.current == "second"


@pytest.mark.usefixtures("no_pause")
def test_client_is_kept_after_an_answer_that_shows_damage() -> None:
    client = RenewableClient(iter(("first", "second")).__next__)
    fail(client, LogDamaged("the topic was deleted"))
    with client.lend() as current:
        assert current == client.current == "first"


@pytest.mark.usefixtures("no_pause")
def test_second_failed_query_of_a_client_does_not_cause_another_replacement() -> None:
    client = RenewableClient(iter(("first", "second", "third")).__next__)
    for _ in range(2):
        client.renew("first")
    assert client.current == "second"


def test_failures_do_not_create_many_clients() -> None:
    client = RenewableClient(iter(("first", "second", "third")).__next__)
    for _ in range(100):
        fail(client, LogUnavailable("no answer"))
    assert client.current == "second"


def unreachable_settings() -> dict[str, str]:
    return {"bootstrap.servers": f"127.0.0.1:{find_free_port()}"}


def end_query() -> Query:
    settings = tail_settings(unreachable_settings())
    offsets = LeaderOffsets(lambda: create_client(Consumer, settings), "orders.events", 1, QUERY_S)
    threads = ThreadPoolExecutor(1)
    return lambda: run_in_pool(threads, offsets.query_end, 0, 0)


def identity_query() -> Query:
    settings = admin_settings(unreachable_settings())
    client = RenewableClient(lambda: create_client(AdminClient, settings))
    identity = KafkaIdentity(client, "orders.events", TopicState(bytes(16), 1, 1), QUERY_S, lambda _: None)
    return identity.check


def count_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.fixture
def no_garbage_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_pause", "no_garbage_collector")
@pytest.mark.parametrize("create_query", [end_query, identity_query])
async def test_replaced_clients_do_not_wait_for_the_garbage_collector(create_query: Callable[[], Query]) -> None:
    query = create_query()
    before = count_threads()
    for _ in range(QUERIES):
        with pytest.raises((KafkaException, LogUnavailable)):
            await query()
    assert count_threads() - before < QUERIES  # a client has several


def test_consumer_that_waits_without_a_broker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordertrail_server.log.kafka.cursor.SILENCE_SECONDS", 0.0)
    monkeypatch.setattr("ordertrail_server.log.kafka.cursor.ANSWER_SECONDS", QUERY_S)
    cursor = Cursor(tail_settings(unreachable_settings()), "orders.events")
    cursor.seek(0, 0)
    with pytest.raises(LogUnavailable, match="no broker answers"):
        cursor.poll_growth()
    cursor.close()
