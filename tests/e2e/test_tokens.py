"""Tokens come back as they were handed out, or are refused, in every field that takes one."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.refusals import Refused, refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.shop import an_order, new_id

from ordertrail.client import OrderTrail
from ordertrail.errors import Unavailable
from ordertrail.v1.order_history_service_pb2 import (
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail_server.log.token import write_page_token, write_token

# {rpc.field: a request with a token in that field}
POSITIONS: dict[str, Callable[[str], Any]] = {
    "GetOrder.token": lambda t: GetOrderRequest(order_id="o", token=t),
    "GetOrder.at_least_as_fresh[0]": lambda t: GetOrderRequest(order_id="o", at_least_as_fresh=[t]),
    "ListOrders.at_least_as_fresh[0]": lambda t: ListOrdersRequest(at_least_as_fresh=[t]),
    "ListOrderEvents.at_least_as_fresh[0]": lambda t: ListOrderEventsRequest(order_id="o", at_least_as_fresh=[t]),
    "StreamOrderEvents.at_least_as_fresh[0]": lambda t: StreamOrderEventsRequest(at_least_as_fresh=[t]),
    "StreamOrderEvents.resume_token": lambda t: StreamOrderEventsRequest(resume_token=t),
}
PAGES: dict[str, Callable[[str], Any]] = {
    "ListOrders.page_token": lambda t: ListOrdersRequest(page_token=t),
    "ListOrderEvents.page_token": lambda t: ListOrderEventsRequest(order_id="o", page_token=t),
}
NO_TOKENS = ("x", "AQ", "=", "ö", "\x00", "../../etc/passwd", " ", "A" * 8192, "🙂" * 100)


@pytest.mark.parametrize("field", [*POSITIONS, *PAGES])
async def test_what_is_no_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in NO_TOKENS:
        assert (await refused(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", POSITIONS)
async def test_a_damaged_or_truncated_token_is_refused(orders: OrderTrail, field: str) -> None:
    token = (await orders.send(an_order())).consistency_token
    damaged = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 1)]
    for text in (*damaged, *(token[:length] for length in range(1, len(token)))):
        assert (await refused(orders, field, text)).reason == "INVALID_TOKEN", text


def other_spellings(token: str) -> list[str]:
    """Return texts that a lenient decoder of base64 takes for the token."""
    padded = token + "=" * (-len(token) % 4)
    spelt = [f"{token}@@", f"@{token}", f"{token}\n", f" {token}", token[:4] + "." + token[4:], f"{token}====", padded]
    return [text for text in spelt if text != token]


@pytest.mark.parametrize("field", POSITIONS)
async def test_another_spelling_of_a_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in other_spellings((await orders.send(an_order())).consistency_token):
        assert (await refused(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", PAGES)
async def test_another_spelling_of_a_page_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in other_spellings(write_page_token(b"any", 1)):
        assert (await refused(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", POSITIONS)
async def test_a_token_of_another_log_is_foreign(orders: OrderTrail, field: str) -> None:
    assert (await refused(orders, field, write_token(b"another log here", {0: 1}))).reason == "FOREIGN_TOKEN"


@pytest.mark.parametrize("field", POSITIONS)
async def test_a_page_token_is_no_position(orders: OrderTrail, field: str) -> None:
    assert (await refused(orders, field, write_page_token(b"", 1))).reason == "INVALID_TOKEN"


@pytest.mark.parametrize("field", PAGES)
async def test_a_position_is_no_page_token(orders: OrderTrail, field: str) -> None:
    token = (await orders.send(an_order())).consistency_token
    assert (await refused(orders, field, token)).reason == "INVALID_TOKEN"


async def test_a_page_token_serves_the_conditions_that_it_came_from(orders: OrderTrail) -> None:
    customer = new_id("customer")
    placed = [await orders.send(an_order(customer=customer)) for _ in range(2)]
    order_id = placed[0].order_id
    # One of each: the orders may lie in different partitions.
    fresh: dict[str, Any] = {"at_least_as_fresh": [each.consistency_token for each in placed], "page_size": 1}
    page = await orders.history.ListOrders(ListOrdersRequest(customer_id=customer, **fresh))
    events = await orders.history.ListOrderEvents(ListOrderEventsRequest(customer_id=customer, **fresh))
    for other in (
        ListOrdersRequest(customer_id="another", page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, product_id="p_1", page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, created_from=Timestamp(seconds=1), page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, page_token=events.next_page_token),
        ListOrderEventsRequest(customer_id="another", page_token=events.next_page_token),
        ListOrderEventsRequest(order_id=order_id, page_token=events.next_page_token),
        ListOrderEventsRequest(customer_id=customer, page_token=page.next_page_token),
    ):
        name = type(other).__name__.removesuffix("Request")
        told = await refusal(RPCS[name].call(orders.channel, other.SerializeToString()))
        assert (told.code.name, told.reason, told.fields) == ("INVALID_ARGUMENT", "PAGE_TOKEN_MISMATCH", ["page_token"])


async def test_a_token_from_beyond_the_end_of_the_log_is_not_reached_in_time(
    orders: OrderTrail, channel: grpc.aio.Channel
) -> None:
    of_log = (await orders.send(an_order())).consistency_token
    beyond = write_token(log_identity(of_log), {0: 1 << 40})
    request = ListOrdersRequest(at_least_as_fresh=[beyond])
    told = await refusal(RPCS["ListOrders"].call(channel, request.SerializeToString(), 3))
    assert (told.code.name, told.reason) == ("DEADLINE_EXCEEDED", "NOT_FRESH_YET")
    with pytest.raises(Unavailable) as unavailable:  # told, not tried again until the deadline
        [order async for order in orders.list_orders(at_least_as_fresh=[beyond], timeout=3)]
    assert unavailable.value.reason == "NOT_FRESH_YET"


@pytest.mark.parametrize("offsets", [{7: 1}, {-1: 1}, {0: -1}, {0: 1 << 60}])
async def test_a_token_of_places_that_the_log_cannot_have_is_refused(
    orders: OrderTrail, offsets: dict[int, int]
) -> None:
    identity = log_identity((await orders.send(an_order())).consistency_token)
    for field in POSITIONS:
        assert (await refused(orders, field, write_token(identity, offsets))).reason == "INVALID_TOKEN"


async def refused(orders: OrderTrail, field: str, token: str) -> Refused:
    """Return how the token was refused. Asserts that it is an invalid argument that names the field."""
    name, _, path = field.partition(".")
    request = (POSITIONS | PAGES)[field](token)
    told = await refusal(RPCS[name].call(orders.channel, request.SerializeToString()))
    assert told.code.name == "INVALID_ARGUMENT"
    assert told.fields == [path]
    return told


def log_identity(token: str) -> bytes:
    """Return the identity of the log that a token is of; a client has no business knowing it."""
    contents = urlsafe_b64decode(token + "=" * (-len(token) % 4))[1:-4]
    return TokenContents.FromString(contents).log_id
