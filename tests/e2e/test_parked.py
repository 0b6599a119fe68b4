"""Orders that cannot be read: all who ask are told, nobody else is kept waiting, and nothing of them is lost."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tests.e2e.refusals import Refused as ToldRefusal, read_status, refusal
from tests.e2e.releases import ill_process, older_release
from tests.e2e.rpcs import RPCS, VERBS, a_request
from tests.e2e.running_server import START_SECONDS, RunningServer, until_serving
from tests.e2e.shop import an_order
from tests.projections.story import CONFIRMED, PLACED, PLUM_ADDED, Story, remove, write_log
from tests.schema.newest import NEWEST

from ordertrail import commands
from ordertrail.client import OrderTrail
from ordertrail.errors import Refused, Unavailable
from ordertrail.log.v1.record_pb2 import Record
from ordertrail.v1.commands_pb2 import Command, ExecuteCommandsRequest
from ordertrail.v1.order_events_pb2 import OrderLineQuantityChanged
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.projection_service_pb2 import (
    RECORD_VERDICT_BARRIER,
    RECORD_VERDICT_BROKEN,
    RECORD_VERDICT_FACT,
    RECORD_VERDICT_FOREIGN,
    RECORD_VERDICT_VOID,
    EventSchema,
)
from ordertrail_server.commands.prepare import Caller, prepare
from ordertrail_server.log.port import Entry
from ordertrail_server.schema.cases import message_of, version_of

FUTURE_FAULT = "the record holds an event of number 99, which this release does not know"
# By offset. `newer` has a fact of a newer release and one behind it, `first` begins with one, `broken` is damaged.
PARKED = {"newer": 1, "first": 3, "broken": 6}


def the_story() -> Story:
    story = Story()
    story.fact("newer", PLACED)  # 0
    story.future("newer")  # 1
    story.fact("fine", PLACED)  # 2
    story.future("first")  # 3
    story.fact("newer", CONFIRMED)  # 4
    story.fact("broken", PLACED)  # 5
    story.broken("broken")  # 6
    story.fact("fine", CONFIRMED)  # 7
    story.repeat("fine", version=1)  # 8, void
    story.unreadable("fine")  # 9
    story.barrier("fine")  # 10
    return story


def make_log(data: Path, entries: Sequence[Entry]) -> None:
    data.mkdir()
    write_log(data, entries)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on the log of the story."""
    server = RunningServer(tmp_path_factory.mktemp("troubled") / "data")
    make_log(server.data, the_story().records[0])
    with closing(server.start()):
        yield server
        assert server.faults == []


@pytest.fixture
async def client(troubled: RunningServer) -> AsyncIterator[OrderTrail]:
    """A client that shows each answer as it came."""
    async with client_of(troubled) as client:
        yield client


def client_of(server: RunningServer) -> OrderTrail:
    """Return a client that does not retry by itself."""
    return OrderTrail(grpc.aio.insecure_channel(server.address, options=[("grpc.enable_retries", 0)]))


async def told(client: OrderTrail, name: str, request: Message) -> ToldRefusal:
    return await refusal(RPCS[name].call(client.channel, request.SerializeToString()))


def says_parked(refused: ToldRefusal, order_id: str) -> None:
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "ORDER_PARKED")
    assert refused.retry_seconds
    assert refused.resources == [order_id]
    fault = "its chain is broken at offset 6" if order_id == "broken" else FUTURE_FAULT
    assert fault in refused.message


# All who ask are told


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("verb", VERBS)
async def test_every_command_on_a_parked_order_is_refused(client: OrderTrail, verb: str, order_id: str) -> None:
    says_parked(await told(client, verb, a_request(verb, order_id)), order_id)


async def test_in_a_batch_it_is_refused_alone(client: OrderTrail) -> None:
    batch = ExecuteCommandsRequest(
        commands=[Command(confirm_order=commands.confirm("newer")), Command(place_order=an_order())]
    )
    [answer] = await RPCS["ExecuteCommands"].call(client.channel, batch.SerializeToString())
    refused, placed = answer.results
    says_parked(read_status(refused.status), "newer")
    assert placed.receipt.order_version == 1


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("point", ["now", "version", "record_time", "token"])
async def test_it_can_be_read_neither_now_nor_as_it_was(client: OrderTrail, order_id: str, point: str) -> None:
    request = GetOrderRequest(order_id=order_id)
    if point == "version":
        request.version = 1
    elif point == "record_time":
        request.record_time.GetCurrentTime()
    elif point == "token":
        request.token = (await client.event_schemas()).consistency_token
    says_parked(await told(client, "GetOrder", request), order_id)


@pytest.mark.parametrize("order_id", PARKED)
async def test_its_events_are_not_listed_as_if_they_were_all(client: OrderTrail, order_id: str) -> None:
    says_parked(await told(client, "ListOrderEvents", ListOrderEventsRequest(order_id=order_id)), order_id)


@pytest.mark.parametrize("order_id", PARKED)
@pytest.mark.parametrize("follow", [False, True])
async def test_its_stream_sends_what_can_be_read_and_then_says_so(
    client: OrderTrail, order_id: str, follow: bool
) -> None:
    call = client.history.StreamOrderEvents(StreamOrderEventsRequest(order_id=order_id, follow=follow))
    frames: list[Any] = []
    says_parked(await refusal(take_all(call, frames)), order_id)
    versions = [event.order_version for frame in frames for event in frame.events]
    assert versions == ([] if order_id == "first" else [1])
    assert not any(frame.caught_up for frame in frames)


# Nobody else is kept waiting


async def test_all_other_orders_flow(client: OrderTrail) -> None:
    assert (await client.get("fine")).version == 2
    names = [(event.order_id, event.order_version) async for event in client.stream()]
    assert names[:4] == [("newer", 1), ("fine", 1), ("broken", 1), ("fine", 2)]
    of_shop = [event.order_version async for event in client.list_events(customer_id="shop-1")]
    assert of_shop[:4] == [1, 1, 1, 2]


async def test_a_tail_of_all_orders_goes_on_past_a_parked_one(client: OrderTrail) -> None:
    call: Any = client.history.StreamOrderEvents(StreamOrderEventsRequest(follow=True))
    while not (await call.read()).caught_up:
        pass
    receipt = await client.send(an_order())
    events: list[Any] = []
    while not events:
        events += (await call.read()).events
    call.cancel()
    assert [event.order_id for event in events] == [receipt.order_id]


@pytest.mark.parametrize("conditions", [{}, {"customer_id": "shop-1"}, {"product_id": "apple"}])
async def test_a_stream_of_many_orders_names_those_whose_facts_it_passes_over(
    client: OrderTrail, conditions: dict[str, str]
) -> None:
    told: list[str] = []
    events = [event async for event in client.stream(on_parked=told.extend, **conditions)]  # type: ignore[arg-type]
    assert ("newer", 1) in [(event.order_id, event.order_version) for event in events]
    assert told == ["newer", "first"]


async def test_a_list_of_a_customers_events_names_them_too(client: OrderTrail) -> None:
    told: list[str] = []
    events = [event async for event in client.list_events(customer_id="shop-1", on_parked=told.extend)]
    assert [(event.order_id, event.order_version) for event in events][:2] == [("newer", 1), ("fine", 1)]
    assert told == ["newer", "first"]


# Receipts are still answered


async def test_a_repeated_command_is_answered_also_where_its_fact_is_of_a_newer_release(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "data")
    request = commands.confirm("order-1", request_id="of a newer release")
    story = Story()
    story.fact("order-1", PLACED)
    story.future("order-1")
    placed, future = story.records[0]
    record = Record.FromString(future.value)
    record.cause.request_id = request.request_id
    record.cause.command_digest = digest_of(request)
    await asyncio.to_thread(make_log, server.data, [placed, Entry("order-1", record.SerializeToString())])
    with closing(server.start()):
        async with client_of(server) as client:
            receipt = await client.send(request)
            assert (receipt.order_version, receipt.replayed, receipt.position.offset) == (2, True, 1)
            assert receipt.event.order_version == 2
            assert receipt.event.WhichOneof("event") is None
            other = await told(client, "CancelOrder", commands.cancel("order-1", request_id="of a newer release"))
            assert other.reason == "REQUEST_ID_REUSED"


def digest_of(request: Any) -> bytes:
    copy = type(request).FromString(request.SerializeToString())
    return prepare(copy, asyncio.get_running_loop().create_future(), Caller(), lambda: "").digest


# Operators see them


async def test_parked_orders_are_listed_from_the_longest_parked_on_page_by_page(client: OrderTrail) -> None:
    found = [order async for order in client.parked_orders(page_size=1)]
    assert [(order.order_id, order.position.offset) for order in found] == list(PARKED.items())
    assert [(order.version, order.waiting_count) for order in found] == [(1, 2), (0, 1), (1, 0)]
    assert [order.reason for order in found] == [FUTURE_FAULT, FUTURE_FAULT, "its chain is broken at offset 6"]
    assert [order.record_time.seconds - 1_750_000_000 for order in found] == [2, 4, 7]
    assert found == [order async for order in client.parked_orders()]


async def test_a_parked_order_is_shown_with_what_waits(client: OrderTrail) -> None:
    shown = await client.parked_order("newer")
    story = the_story().records[0]
    assert shown.order == await anext(client.parked_orders())
    assert [(e.position.offset, e.order_version, e.reason) for e in shown.waiting] == [
        (1, 2, FUTURE_FAULT),
        (4, 3, FUTURE_FAULT),
    ]
    assert shown.waiting[0].digest == Record.FromString(story[4].value).previous


@pytest.mark.parametrize("name", ["GetParkedOrder", "RetryParkedOrder"])
async def test_an_order_that_is_not_parked_or_not_there_is_told_so(client: OrderTrail, name: str) -> None:
    refused = await told(client, name, RPCS[name].request(order_id="fine"))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_NOT_PARKED")
    assert (refused.preconditions, refused.resources) == (["ORDER_NOT_PARKED"], ["fine"])
    assert (await told(client, name, RPCS[name].request(order_id="no-such-order"))).reason == "ORDER_NOT_FOUND"


async def test_the_records_of_each_version_are_counted(client: OrderTrail) -> None:
    before = await client.event_schemas()
    receipt = await client.send(an_order())
    await client.get(receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    after = await client.event_schemas()
    newest = NEWEST["OrderPlaced"]
    placed, version = message_of(newest).full_name, version_of(message_of(newest))
    assert count_of(after.schemas, placed) == count_of(before.schemas, placed) + 1
    assert count_of(after.schemas, message_of(NEWEST["OrderConfirmed"]).full_name) == 3  # the broken one is one of them
    assert after.unknown_record_count == 3  # two of a newer release, one that is no record; a barrier is known
    [shown] = [schema for schema in after.schemas if schema.message == placed]
    assert (shown.version, shown.number) == (version, newest.number)
    assert (shown.reads_as, shown.written) == ("ordertrail.v1.OrderPlaced", True)
    assert [schema.number for schema in after.schemas] == sorted(schema.number for schema in after.schemas)


def count_of(schemas: Any, message: str) -> int:
    [found] = [schema for schema in schemas if schema.message == message]
    assert isinstance(found, EventSchema)
    return found.record_count


@pytest.mark.parametrize(
    ("offset", "verdict", "detail"),
    [
        (0, RECORD_VERDICT_FACT, ""),
        (1, RECORD_VERDICT_FACT, ""),
        (6, RECORD_VERDICT_BROKEN, "it says it is version 2, its order stood at version 1"),
        (8, RECORD_VERDICT_VOID, "it says it is version 1, its order stood at version 2"),
        (9, RECORD_VERDICT_FOREIGN, "its value is not a readable record"),
        (10, RECORD_VERDICT_BARRIER, "a server appended it to learn where the partition ends"),
    ],
)
async def test_a_record_is_explained(client: OrderTrail, offset: int, verdict: int, detail: str) -> None:
    explained = await client.explain(0, offset)
    entry = the_story().records[0][offset]
    assert (explained.key, explained.value) == (entry.key, entry.value)
    assert (explained.position.partition, explained.position.offset) == (0, offset)
    assert (explained.verdict, explained.verdict_detail) == (verdict, detail)


async def test_an_explained_fact_is_the_event_that_clients_get(client: OrderTrail) -> None:
    [first, *_] = [event async for event in client.list_events(order_id="fine")]
    explained = await client.explain(0, 2)
    assert (explained.event, explained.digest, explained.fault) == (first, first.digest, "")
    newest = NEWEST["OrderPlaced"]
    assert (explained.written_number, explained.written_as) == (newest.number, message_of(newest).full_name)


async def test_an_event_of_a_newer_release_is_explained_as_far_as_it_can_be_read(client: OrderTrail) -> None:
    explained = await client.explain(0, 1)
    assert (explained.fault, explained.written_number, explained.written_as) == (FUTURE_FAULT, 99, "")
    assert (explained.event.order_id, explained.event.order_version) == ("newer", 2)
    assert explained.event.WhichOneof("event") is None
    unreadable = await client.explain(0, 9)
    assert unreadable.fault
    assert not unreadable.HasField("event")
    assert not unreadable.HasField("written_number")


async def test_a_record_just_written_is_explained_and_one_that_is_not_there_is_not_found(client: OrderTrail) -> None:
    receipt = await client.send(an_order())
    explained = await client.explain(0, receipt.position.offset)
    assert (explained.verdict, explained.digest) == (RECORD_VERDICT_FACT, receipt.digest)
    for partition, offset in ((0, 1 << 40), (1, 0)):
        request = RPCS["ExplainEvent"].request(partition=partition, offset=offset)
        refused = await told(client, "ExplainEvent", request)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "RECORD_NOT_FOUND")


async def test_the_service_is_served_and_told_of(troubled: RunningServer, client: OrderTrail) -> None:
    await until_serving(troubled.address, "ordertrail.v1.ProjectionService")


# What could not be read is taken in as soon as it can be


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
            refused = await told(client, "ConfirmOrder", commands.confirm("order-1"))
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


async def take_all(call: AsyncIterable[Any], frames: list[Any]) -> None:
    """Take frames until the stream ends or is refused; those that came are kept."""
    async for frame in call:
        frames += [frame]


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
                refused = client.commands.ConfirmOrder(commands.confirm("imported"))
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
