"""Answers over many orders contain what the caller may see, and nothing else."""

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.access.answers import describe_answer
from tests.e2e.access.world import OTHER_RECORDS, Target, send
from tests.e2e.refusals import catch_refusal
from tests.e2e.rpcs import RPCS

from ordertrail.v1 import order_history_service_pb2 as history
from ordertrail.v1.projection_service_pb2 import ListParkedOrdersRequest, RecordVerdict
from ordertrail.v1.submitted_commands_pb2 import ListCommandsRequest
from ordertrail.v1.subscription_service_pb2 import ListSubscriptionsRequest

EVERYTHING = {
    "ListOrders": history.ListOrdersRequest(),
    "ListOrders by reference": history.ListOrdersRequest(source_reference="globex-reference"),
    "ListOrders by product": history.ListOrdersRequest(product_id="globex-goods"),
    "ListOrders as of a time": history.ListOrdersRequest(record_time=Timestamp(seconds=1_790_000_000)),
    "StreamOrderEvents": history.StreamOrderEventsRequest(),
    "StreamOrderEvents by product": history.StreamOrderEventsRequest(product_id="globex-goods"),
    "DiffOrders": history.DiffOrdersRequest(recorded_from=Timestamp(seconds=1)),
    "ListParkedOrders": ListParkedOrdersRequest(),
    "ListCommands": ListCommandsRequest(),
    "ListSubscriptions": ListSubscriptionsRequest(),
}
PAGED = {
    "ListOrders": history.ListOrdersRequest(page_size=1),
    "ListParkedOrders": ListParkedOrdersRequest(page_size=1),
    "ListCommands": ListCommandsRequest(page_size=1),
    "ListSubscriptions": ListSubscriptionsRequest(page_size=1),
}


@pytest.mark.usefixtures("targets")
@pytest.mark.parametrize("caller", ["acme clerk", "acme region", "acme reader", "globex clerk", "auditor"])
@pytest.mark.parametrize("name", EVERYTHING)
async def test_answer_contains_the_orders_of_the_scope_only(channel: grpc.aio.Channel, name: str, caller: str) -> None:
    rpc = name.partition(" ")[0]
    text = await describe_answer(channel, rpc, EVERYTHING[name], caller)
    if "PERMISSION_DENIED" in text:
        assert caller == "acme reader"
        assert RPCS[rpc].method.containing_service.name != "OrderHistoryService"
        return
    may_see = {"acme": caller != "globex clerk", "globex": caller in ("globex clerk", "auditor")}
    assert ("globex" in text) == may_see["globex"]
    if "globex" not in str(EVERYTHING[name]):
        assert ("acme" in text) == may_see["acme"]


@pytest.mark.usefixtures("targets")
@pytest.mark.parametrize("rpc", PAGED)
async def test_page_token_of_another_caller_grants_no_access(channel: grpc.aio.Channel, rpc: str) -> None:
    [first] = await send(channel, rpc, PAGED[rpc], "auditor")
    request = type(PAGED[rpc])(page_size=100, page_token=first.next_page_token)
    [last_page] = await send(channel, rpc, request, "auditor")
    assert "globex" in f"{first}{last_page}"
    [answer] = await send(channel, rpc, request, "acme clerk")
    assert "globex" not in str(answer)


async def test_command_on_a_hidden_order_is_refused_as_if_there_were_none(
    channel: grpc.aio.Channel, targets: dict[str, Target]
) -> None:
    outcomes = []
    for order_id in (targets["globex"].order_id, "initrode-order"):
        request = RPCS["SubmitCommand"].request(defer_decision=True)
        request.commands.add().confirm_order.order_id = order_id
        [submitted] = await send(channel, "SubmitCommand", request, "acme clerk")
        watch = RPCS["WatchCommand"].request(command_id=submitted.results[0].submission.command_id)
        *_, state = await send(channel, "WatchCommand", watch, "acme clerk")
        refusal = state.command.refusal
        outcomes.append((refusal.code, refusal.message.replace(order_id, "the order")))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == grpc.StatusCode.NOT_FOUND.value[0]


@pytest.mark.parametrize("offset", OTHER_RECORDS)
async def test_record_of_an_order_that_is_no_fact_may_be_of_another_customer(
    channel: grpc.aio.Channel, offset: int
) -> None:
    request = RPCS["ExplainEvent"].request(offset=offset)
    [answer] = await send(channel, "ExplainEvent", request, "auditor")
    assert RecordVerdict.Name(answer.verdict) == OTHER_RECORDS[offset]
    refusal = await catch_refusal(send(channel, "ExplainEvent", request, "acme clerk"))
    assert refusal.reason == "RECORD_NOT_FOUND"
