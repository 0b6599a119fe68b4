from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from tests.client.stub_server import AWAY, StubServer

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

Query = Callable[[OrderTrail], Awaitable[Message]]


@pytest.mark.parametrize(
    ("query", "expected_request", "answer"),
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
async def test_query_is_retried_while_server_is_unavailable(
    client: OrderTrail, stub_server: StubServer, query: Query, expected_request: Message, answer: Message
) -> None:
    stub_server.pages.append(answer)
    stub_server.failures.append(AWAY)
    assert await query(client) == answer
    assert stub_server.requests == [expected_request] * 2


async def test_parked_orders_fetches_all_pages(client: OrderTrail, stub_server: StubServer) -> None:
    stub_server.pages += [page("order-1", "order-2", token="t"), page("order-3")]
    assert [order.order_id async for order in client.parked_orders(page_size=2)] == ["order-1", "order-2", "order-3"]
    first = ListParkedOrdersRequest(page_size=2)
    assert stub_server.requests == [first, ListParkedOrdersRequest(page_size=2, page_token="t")]


def page(*order_ids: str, token: str = "") -> Any:
    orders = [ParkedOrder(order_id=order_id) for order_id in order_ids]
    return ListParkedOrdersResponse(orders=orders, next_page_token=token)
