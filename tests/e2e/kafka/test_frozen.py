"""A server whose broker is frozen refuses commands before their deadline and continues to answer queries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from tests.e2e.kafka.servers import Caller, change_quantity, create_empty_topic, create_server, run_servers
from tests.e2e.refusals import catch_refusal, read_status
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import ROOT, wait_until_serving
from tests.e2e.sample_orders import build_order, new_id
from tests.kafka.cluster import Cluster

from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_history_service_pb2 import StreamOrderEventsRequest
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest, SourceDocument
from ordertrail.v1.projection_service_pb2 import ExplainEventRequest, RetryParkedOrderRequest

ALL = "command,projector,query"
DEADLINE_S = 5.0
OLD_ORDER = (ROOT / "examples/old-orders.jsonl").read_bytes().splitlines()[0]


@asynccontextmanager
async def freeze_broker(cluster: Cluster, data: Path) -> AsyncIterator[tuple[Caller, str, str]]:
    """Give a caller with one order, and a token that includes it, whose server's broker is frozen."""
    topic = create_empty_topic(cluster, f"frozen.{data.name}", 3)
    server = create_server(cluster, topic, data, ALL)
    with run_servers(server):
        async with Caller(server) as caller:
            await wait_until_serving(server.address)
            order_id = new_id("order")
            token = (await caller.send(0, build_order(order_id))).consistency_token
            await stream_events(caller, StreamOrderEventsRequest(at_least_as_fresh=[token]))
            cluster.nodes[0].freeze()
            try:
                yield caller, order_id, token
            finally:
                cluster.nodes[0].thaw()
            await caller.send_until_acknowledged(0, change_quantity(order_id, 2))
            await caller.check_topic(cluster, topic)
        assert server.stop() == 0
    assert server.faults == []


async def stream_events(caller: Caller, request: StreamOrderEventsRequest) -> list[Any]:
    frames = await RPCS["StreamOrderEvents"].call(caller.channels[0], request.SerializeToString(), DEADLINE_S)
    return [event for frame in frames for event in frame.events]


def is_unavailable(status: Status) -> bool:
    """Return whether a status is UNAVAILABLE with a retry delay."""
    refusal = read_status(status)
    return refusal.reason == "UNAVAILABLE" and bool(refusal.retry_seconds)


async def test_every_command_of_a_batch_is_answered_before_its_deadline(cluster: Cluster, tmp_path: Path) -> None:
    async with freeze_broker(cluster, tmp_path / "batches") as (caller, order_id, _):
        change, place = change_quantity(order_id, 1), build_order(new_id("another"))
        caller.requests.update((sent_request.order_id, sent_request.request_id) for sent_request in (change, place))
        commands = [Command(change_order_line_quantity=change), Command(place_order=place)]
        documents = [SourceDocument(origin="old:1", json=OLD_ORDER)]
        requests = {
            "ExecuteCommands": ExecuteCommandsRequest(commands=commands),
            "ImportOrders": ImportOrdersRequest(documents=documents),
        }
        for name, request in requests.items():
            begun = monotonic()
            [answer] = await RPCS[name].call(caller.channels[0], request.SerializeToString(), DEADLINE_S)
            assert monotonic() - begun < DEADLINE_S
            assert [is_unavailable(result.status) for result in answer.results] == [True] * len(answer.results), answer
            assert answer.results


async def test_streams_return_what_is_projected_while_the_broker_is_frozen(cluster: Cluster, tmp_path: Path) -> None:
    async with freeze_broker(cluster, tmp_path / "streams") as (caller, order_id, token):
        assert [event.order_id for event in await stream_events(caller, StreamOrderEventsRequest())] == [order_id]
        assert await stream_events(caller, StreamOrderEventsRequest(resume_token=token)) == []


@pytest.mark.trial
async def test_calls_that_read_the_log_are_unavailable_before_their_deadline(cluster: Cluster, tmp_path: Path) -> None:
    async with freeze_broker(cluster, tmp_path / "asked") as (caller, order_id, _):
        place = caller.receipts[0].position
        requests: dict[str, Any] = {
            "StreamOrderEvents": StreamOrderEventsRequest(now=True),
            "ExplainEvent": ExplainEventRequest(partition=place.partition, offset=place.offset),
            "RetryParkedOrder": RetryParkedOrderRequest(order_id=order_id),
        }
        for name, request in requests.items():
            refusal = await catch_refusal(RPCS[name].call(caller.channels[0], request.SerializeToString(), DEADLINE_S))
            assert (refusal.reason, bool(refusal.retry_seconds)) == ("UNAVAILABLE", True), name
