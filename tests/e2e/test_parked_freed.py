"""Facts that could not be read are added to their order as soon as they can be read."""

import asyncio
import os
import signal
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.filled_directory import projection_file, remove_store
from tests.e2e.parked import PARKED, build_parked_log, catch_refusal_of_rpc, create_client, make_log, read_all
from tests.e2e.refusals import catch_refusal
from tests.e2e.releases import build_server_with_failing_upcaster, older_release
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import START_SECONDS, RunningServer, wait_until_serving
from tests.process_freeze import freeze_process
from tests.projections.log_builder import CONFIRMED, PLACED, PLUM_ADDED, LogBuilder, remove

from ordertrail.client import OrderTrail
from ordertrail.errors import Refused, Unavailable
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.order_events_pb2 import OrderLineQuantityChanged
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    StreamOrderEventsRequest,
)
from ordertrail_server.projections.catalog import HISTORY, ORDERS


async def test_retry_of_unreadable_order_leaves_it_parked(client: OrderTrail) -> None:
    for _ in range(2):
        for order_id in PARKED:
            order_before = (await client.parked_order(order_id)).order
            outcome = await client.retry_parked(order_id)
            assert (outcome.taken_in_count, outcome.order) == (0, order_before)


def build_upgrade_log() -> LogBuilder:
    builder = LogBuilder()
    for event in (PLACED, PLUM_ADDED, remove("apple")):
        builder.add_fact("order-1", event)
        builder.add_fact("order-2", CONFIRMED if builder.version("order-2") else PLACED)
    return builder


async def test_upgrade_frees_parked_orders_without_a_retry(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await asyncio.to_thread(make_log, data, build_upgrade_log().records[0])
    request = StreamOrderEventsRequest(order_id="order-1")
    with closing(older_release(data, tmp_path).start()) as older:
        async with create_client(older) as client:
            await wait_until_serving(older.address)
            [parked] = [order async for order in client.parked_orders()]
            assert (parked.order_id, parked.version, parked.waiting_count) == ("order-1", 1, 2)
            request.resume_token = await last_token(client, request)
            all_frames = [frame async for frame in client.stream_frames()]
            assert [order_id for frame in all_frames for order_id in frame.parked_order_ids] == ["order-1"]
            error = await catch_refusal_of_rpc(client, "ConfirmOrder", ConfirmOrderRequest(order_id="order-1"))
            assert error.reason == "ORDER_PARKED"
        assert older.stop() == 0
    with closing(RunningServer(data).start()) as upgraded:
        async with create_client(upgraded) as client:
            await wait_until_serving(upgraded.address)
            assert [order async for order in client.parked_orders()] == []
            versions = [event.order_version async for event in client.list_events(order_id="order-1")]
            assert versions == [1, 2, 3]
            # The stream resumes where it ended, with the events that it could not send then.
            resumed_frames = [frame async for frame in client.history.StreamOrderEvents(request)]
            assert [event.order_version for frame in resumed_frames for event in frame.events] == [2, 3]
            # The stream of all orders skipped the order. With the list of that order's events, it has each event once.
            events = [event for frame in all_frames for event in frame.events]
            events += [event async for event in client.list_events(order_id="order-1") if event.order_version > 1]
            events += [event async for event in client.stream(resume_token=all_frames[-1].resume_token)]
            names = [(event.order_id, event.order_version) for event in events]
            assert sorted(names) == [
                (order_id, version) for order_id in ("order-1", "order-2") for version in (1, 2, 3)
            ]
            assert (await client.confirm("order-1", expected_version=3)).order_version == 4


async def last_token(client: OrderTrail, request: StreamOrderEventsRequest) -> str:
    """Return the last resume token of the stream of a parked order."""
    frames: list[Any] = []
    assert (await catch_refusal(read_all(client.history.StreamOrderEvents(request), frames))).reason == "ORDER_PARKED"
    return str(frames[-1].resume_token)


async def test_retry_frees_order_after_the_cause_of_an_upcaster_error_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    builder = build_upgrade_log()
    builder.add_statement("imported")
    builder.add_fact("imported", remove("nothing"))
    builder.add_statement("other")
    builder.add_fact("other", PLUM_ADDED)
    await asyncio.to_thread(make_log, data, builder.records[0])
    with closing(build_server_with_failing_upcaster(data, tmp_path / "ill").start()) as ill_server:
        async with create_client(ill_server) as client:
            detail = await client.parked_order("other")
            assert "ordertrail.events.v1.OrderPlaced failed with InvalidOperation" in detail.order.reason
            second_outcome = await client.retry_parked("other")
            assert (second_outcome.taken_in_count, second_outcome.order) == (0, detail.order)
        assert ill_server.stop() == 0
    with closing(RunningServer(data).start()) as healthy_server:
        async with create_client(healthy_server) as client:
            with pytest.raises(Unavailable, match="failed with InvalidOperation") as error:
                await client.get("other")
            assert error.value.reason == "ORDER_PARKED"
            outcome = await client.retry_parked("other")
            assert (outcome.taken_in_count, outcome.HasField("order")) == (2, False)
            assert (await client.get("other")).version == 2
            assert (await client.confirm("other")).order_version == 3
            partial_outcome = await client.retry_parked("imported")
            assert (
                partial_outcome.taken_in_count,
                partial_outcome.order.version,
                partial_outcome.order.waiting_count,
            ) == (1, 1, 1)
            assert partial_outcome.order.reason == "cannot be folded: 'nothing' is not on the order"
            assert (
                await catch_refusal_of_rpc(client, "RetryParkedOrder", retry_request("other"))
            ).reason == "ORDER_NOT_PARKED"
        healthy_server.kill()
        healthy_server.start()
        async with create_client(healthy_server) as client:
            assert (await client.cancel("other")).order_version == 4
            [parked] = [order async for order in client.parked_orders()]
            assert parked == partial_outcome.order


@pytest.mark.parametrize("lost_projection", [HISTORY, ORDERS])
async def test_order_is_parked_in_all_projections_or_in_none_after_one_is_rebuilt(
    tmp_path: Path, lost_projection: str
) -> None:
    data, builder = tmp_path / "data", LogBuilder()
    builder.add_statement("imported")
    builder.add_fact("imported", PLUM_ADDED)
    await asyncio.to_thread(make_log, data, builder.records[0])
    with closing(build_server_with_failing_upcaster(data, tmp_path / "ill").start()) as ill_server:
        async with create_client(ill_server) as client:
            assert (await client.parked_order("imported")).order.waiting_count == 2
        assert ill_server.stop() == 0
    remove_store(projection_file(data, lost_projection))
    with closing(RunningServer(data).start()) as server:
        async with create_client(server) as client:
            await wait_until_serving(server.address)
            if lost_projection == HISTORY:
                for call in (
                    client.history.GetOrder(GetOrderRequest(order_id="imported")),
                    client.history.ListOrderEvents(ListOrderEventsRequest(order_id="imported")),
                    client.commands.ConfirmOrder(ConfirmOrderRequest(order_id="imported")),
                ):
                    with pytest.raises(grpc.aio.AioRpcError, match="is parked"):
                        await call
                outcome = await client.retry_parked("imported")
                assert (outcome.taken_in_count, outcome.HasField("order")) == (2, False)
            assert (await client.get("imported")).version == 2
            versions = [event.order_version async for event in client.list_events(order_id="imported")]
            assert versions == [1, 2]
            assert (await client.confirm("imported")).order_version == 3
            assert (
                await catch_refusal_of_rpc(client, "RetryParkedOrder", retry_request("imported"))
            ).reason == "ORDER_NOT_PARKED"


async def test_retry_succeeds_after_server_was_killed_during_retries(
    tmp_path: Path,
) -> None:
    data, fact_count = tmp_path / "data", 3_000
    builder = LogBuilder()
    builder.add_statement("imported")
    builder.add_fact("imported", PLUM_ADDED)
    for quantity in range(3, fact_count + 1):
        builder.add_fact("imported", OrderLineQuantityChanged(product_id="plum", quantity=quantity))
    await asyncio.to_thread(make_log, data, builder.records[0])
    with closing(build_server_with_failing_upcaster(data, tmp_path / "ill").start()) as ill_server:
        async with create_client(ill_server) as client:
            assert (await client.parked_order("imported")).order.waiting_count == fact_count
        assert ill_server.stop() == 0
    with closing(RunningServer(data).start()) as server:
        for kill_after_s in (0.005, 0.05, 0.2):  # the retry takes about half a second
            async with create_client(server) as client:
                await client.event_schemas()  # waits until queries are served
                retry_task = asyncio.create_task(client.retry_parked("imported"))
                await asyncio.sleep(kill_after_s)
                server.kill()
                await asyncio.gather(retry_task, return_exceptions=True)
            server.start()
        await wait_until_serving(server.address)
        async with create_client(server) as client:
            with suppress(Refused):  # if both sides freed it before
                assert not (await client.retry_parked("imported", timeout=START_SECONDS)).HasField("order")
            assert (await client.cancel("imported")).order_version == fact_count + 1
            versions = [event.order_version async for event in client.list_events(order_id="imported", page_size=1000)]
            assert versions[:fact_count] == list(range(1, fact_count + 1))
            assert (await client.event_schemas()).unknown_record_count == 0


async def test_retry_can_be_repeated_if_projector_did_not_answer(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    await asyncio.to_thread(make_log, server.data, build_parked_log().records[0])
    with closing(server.start()):
        async with create_client(server) as client:
            order_before = (await client.parked_order("newer")).order
            projector = server.projector
            freeze_process(projector)
            try:
                late_refusal = await catch_refusal(
                    client.projection.RetryParkedOrder(retry_request("newer"), timeout=5)
                )
            finally:
                os.kill(projector, signal.SIGCONT)
            assert (late_refusal.code, late_refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
            assert late_refusal.retry_seconds
            assert (await client.retry_parked("newer")).order == order_before


def retry_request(order_id: str) -> Any:
    return RPCS["RetryParkedOrder"].request(order_id=order_id)
