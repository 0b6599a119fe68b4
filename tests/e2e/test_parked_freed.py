"""What could not be read is taken in as soon as it can be."""

import asyncio
import os
import shutil
import signal
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.e2e.parked import PARKED, client_of, make_log, take_all, the_story, told
from tests.e2e.refusals import refusal
from tests.e2e.releases import ill_process, older_release
from tests.e2e.rpcs import RPCS
from tests.e2e.running_server import START_SECONDS, RunningServer, until_serving
from tests.projections.story import CONFIRMED, PLACED, PLUM_ADDED, Story, remove

from ordertrail.client import OrderTrail
from ordertrail.errors import Refused, Unavailable
from ordertrail.v1.commands_pb2 import ConfirmOrderRequest
from ordertrail.v1.order_events_pb2 import OrderLineQuantityChanged
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    StreamOrderEventsRequest,
)


async def test_what_this_code_cannot_read_stays_parked_however_often_it_is_retried(client: OrderTrail) -> None:
    for _ in range(2):
        for order_id in PARKED:
            before = (await client.parked_order(order_id)).order
            outcome = await client.retry_parked(order_id)
            assert (outcome.taken_in_count, outcome.order) == (0, before)


def story_of_an_upgrade() -> Story:
    story = Story()
    for event in (PLACED, PLUM_ADDED, remove("apple")):
        story.fact("order-1", event)
        story.fact("order-2", CONFIRMED if story.version("order-2") else PLACED)
    return story


async def test_after_an_upgrade_all_that_waited_is_taken_in_by_itself_and_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await asyncio.to_thread(make_log, data, story_of_an_upgrade().records[0])
    request = StreamOrderEventsRequest(order_id="order-1")
    with closing(older_release(data, tmp_path).start()) as older:
        async with client_of(older) as client:
            await until_serving(older.address)
            [parked] = [order async for order in client.parked_orders()]
            assert (parked.order_id, parked.version, parked.waiting_count) == ("order-1", 1, 2)
            request.resume_token = await last_token(client, request)
            of_all = [frame async for frame in client.stream_frames()]
            assert [order_id for frame in of_all for order_id in frame.parked_order_ids] == ["order-1"]
            refused = await told(client, "ConfirmOrder", ConfirmOrderRequest(order_id="order-1"))
            assert refused.reason == "ORDER_PARKED"
        assert older.stop() == 0
    with closing(RunningServer(data).start()) as upgraded:
        async with client_of(upgraded) as client:
            await until_serving(upgraded.address)
            assert [order async for order in client.parked_orders()] == []
            versions = [event.order_version async for event in client.list_events(order_id="order-1")]
            assert versions == [1, 2, 3]
            # Where the stream broke off it goes on, with what could not be sent then.
            resumed = [frame async for frame in client.history.StreamOrderEvents(request)]
            assert [event.order_version for frame in resumed for event in frame.events] == [2, 3]
            # A stream of all orders went past it: with what is listed of the orders it named, it has each event once.
            events = [event for frame in of_all for event in frame.events]
            events += [event async for event in client.list_events(order_id="order-1") if event.order_version > 1]
            events += [event async for event in client.stream(resume_token=of_all[-1].resume_token)]
            names = [(event.order_id, event.order_version) for event in events]
            assert sorted(names) == [
                (order_id, version) for order_id in ("order-1", "order-2") for version in (1, 2, 3)
            ]
            assert (await client.confirm("order-1", expected_version=3)).order_version == 4


async def last_token(client: OrderTrail, request: StreamOrderEventsRequest) -> str:
    """Return the last resume token of the stream of a parked order."""
    frames: list[Any] = []
    assert (await refusal(take_all(client.history.StreamOrderEvents(request), frames))).reason == "ORDER_PARKED"
    return str(frames[-1].resume_token)


async def test_an_upcaster_s_error_is_told_and_a_retry_helps_once_its_cause_is_gone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    story = story_of_an_upgrade()
    story.statement("imported")
    story.fact("imported", remove("nothing"))
    story.statement("other")
    story.fact("other", PLUM_ADDED)
    await asyncio.to_thread(make_log, data, story.records[0])
    with closing(ill_process(data, tmp_path / "ill").start()) as ill:
        async with client_of(ill) as client:
            shown = await client.parked_order("other")
            assert "ordertrail.events.v1.OrderPlaced failed with InvalidOperation" in shown.order.reason
            still = await client.retry_parked("other")
            assert (still.taken_in_count, still.order) == (0, shown.order)
        assert ill.stop() == 0
    with closing(RunningServer(data).start()) as well:
        async with client_of(well) as client:
            with pytest.raises(Unavailable, match="failed with InvalidOperation") as refused:
                await client.get("other")
            assert refused.value.reason == "ORDER_PARKED"
            freed = await client.retry_parked("other")
            assert (freed.taken_in_count, freed.HasField("order")) == (2, False)
            assert (await client.get("other")).version == 2
            assert (await client.confirm("other")).order_version == 3
            in_part = await client.retry_parked("imported")
            assert (in_part.taken_in_count, in_part.order.version, in_part.order.waiting_count) == (1, 1, 1)
            assert in_part.order.reason == "cannot be folded: 'nothing' is not on the order"
            assert (await told(client, "RetryParkedOrder", retry("other"))).reason == "ORDER_NOT_PARKED"
        well.kill()
        well.start()
        async with client_of(well) as client:
            assert (await client.cancel("other")).order_version == 4
            [parked] = [order async for order in client.parked_orders()]
            assert parked == in_part.order


@pytest.mark.parametrize("lost", ["read-model", "state.sqlite"])
async def test_an_order_that_only_one_side_has_parked_is_freed_on_the_other(tmp_path: Path, lost: str) -> None:
    data, story = tmp_path / "data", Story()
    story.statement("imported")
    story.fact("imported", PLUM_ADDED)
    await asyncio.to_thread(make_log, data, story.records[0])
    with closing(ill_process(data, tmp_path / "ill").start()) as ill:
        async with client_of(ill) as client:
            assert (await client.parked_order("imported")).order.waiting_count == 2
        assert ill.stop() == 0
    shutil.move(data / lost, tmp_path / "lost")
    with closing(RunningServer(data).start()) as server:
        async with client_of(server) as client:
            await client.event_schemas()  # reads are served from here on
            if lost == "state.sqlite":
                assert (await client.confirm("imported")).order_version == 3
                refused: Any = client.history.GetOrder(GetOrderRequest(order_id="imported"))
            else:
                assert (await client.get("imported")).version == 2
                refused = client.commands.ConfirmOrder(ConfirmOrderRequest(order_id="imported"))
            with pytest.raises(grpc.aio.AioRpcError, match="is parked"):
                await refused
            outcome = await client.retry_parked("imported")
            assert not outcome.HasField("order")
            assert outcome.taken_in_count == (3 if lost == "state.sqlite" else 0)
            if lost == "read-model":
                assert (await client.confirm("imported")).order_version == 3
            assert (await told(client, "RetryParkedOrder", retry("imported"))).reason == "ORDER_NOT_PARKED"


async def test_a_server_killed_in_the_middle_of_retries_frees_the_order_in_the_end_and_loses_nothing(
    tmp_path: Path,
) -> None:
    data, waiting = tmp_path / "data", 3_000
    story = Story()
    story.statement("imported")
    story.fact("imported", PLUM_ADDED)
    for quantity in range(3, waiting + 1):
        story.fact("imported", OrderLineQuantityChanged(product_id="plum", quantity=quantity))
    await asyncio.to_thread(make_log, data, story.records[0])
    with closing(ill_process(data, tmp_path / "ill").start()) as ill:
        async with client_of(ill) as client:
            assert (await client.parked_order("imported")).order.waiting_count == waiting
        assert ill.stop() == 0
    with closing(RunningServer(data).start()) as server:
        for kill_after_s in (0.005, 0.05, 0.2):  # of a retry that takes about half a second
            async with client_of(server) as client:
                await client.event_schemas()  # reads are served from here on
                asked = asyncio.create_task(client.retry_parked("imported"))
                await asyncio.sleep(kill_after_s)
                server.kill()
                await asyncio.gather(asked, return_exceptions=True)
            server.start()
        await until_serving(server.address)
        async with client_of(server) as client:
            with suppress(Refused):  # where it was freed before, on both sides
                assert not (await client.retry_parked("imported", timeout=START_SECONDS)).HasField("order")
            assert (await client.cancel("imported")).order_version == waiting + 1
            versions = [event.order_version async for event in client.list_events(order_id="imported", page_size=1000)]
            assert versions[:waiting] == list(range(1, waiting + 1))
            assert (await client.event_schemas()).unknown_record_count == 0


async def test_a_retry_that_the_projector_cannot_answer_may_be_sent_again(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    await asyncio.to_thread(make_log, server.data, the_story().records[0])
    with closing(server.start()):
        async with client_of(server) as client:
            before = (await client.parked_order("newer")).order
            projector = server.projector
            os.kill(projector, signal.SIGSTOP)
            try:
                late = await refusal(client.projection.RetryParkedOrder(retry("newer"), timeout=5))
            finally:
                os.kill(projector, signal.SIGCONT)
            assert (late.code, late.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
            assert late.retry_seconds
            assert (await client.retry_parked("newer")).order == before


def retry(order_id: str) -> Any:
    return RPCS["RetryParkedOrder"].request(order_id=order_id)
