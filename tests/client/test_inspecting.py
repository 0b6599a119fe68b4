from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from tests.client.stand_in import AWAY, StandIn

from ordertrail.client import OrderTrail
from ordertrail.v1.projection_service_pb2 import (
    ExplainEventRequest,
    ExplainEventResponse,
    GetParkedOrderRequest,
    GetParkedOrderResponse,
    ListEventSchemasRequest,
    ListEventSchemasResponse,
    ListParkedOrdersRequest,
    ListParkedOrdersResponse,
    ParkedOrder,
    RetryParkedOrderRequest,
    RetryParkedOrderResponse,
)

Question = Callable[[OrderTrail], Awaitable[Message]]


@pytest.mark.parametrize(
    ("question", "asked", "answer"),
    [
        (
            lambda client: client.explain(2, 7),
            ExplainEventRequest(partition=2, offset=7),
            ExplainEventResponse(key="order-1"),
        ),
        (
            lambda client: client.event_schemas(),
            ListEventSchemasRequest(),
            ListEventSchemasResponse(unknown_record_count=3),
        ),
        (
            lambda client: client.parked_order("order-1"),
            GetParkedOrderRequest(order_id="order-1"),
            GetParkedOrderResponse(order=ParkedOrder(order_id="order-1")),
        ),
        (
            lambda client: client.retry_parked("order-1"),
            RetryParkedOrderRequest(order_id="order-1"),
            RetryParkedOrderResponse(taken_in_count=2),
        ),
    ],
)
async def test_a_question_is_asked_again_while_the_server_is_away(
    client: OrderTrail, stand_in: StandIn, question: Question, asked: Message, answer: Message
) -> None:
    stand_in.pages.append(answer)
    stand_in.failures.append(AWAY)
    assert await question(client) == answer
    assert stand_in.seen == [asked, asked]


async def test_parked_orders_come_page_by_page(client: OrderTrail, stand_in: StandIn) -> None:
    stand_in.pages += [page("order-1", "order-2", token="t"), page("order-3")]
    assert [order.order_id async for order in client.parked_orders(page_size=2)] == ["order-1", "order-2", "order-3"]
    first = ListParkedOrdersRequest(page_size=2)
    assert stand_in.seen == [first, ListParkedOrdersRequest(page_size=2, page_token="t")]


def page(*order_ids: str, token: str = "") -> Any:
    orders = [ParkedOrder(order_id=order_id) for order_id in order_ids]
    return ListParkedOrdersResponse(orders=orders, next_page_token=token)
