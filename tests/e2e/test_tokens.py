"""Every field for tokens accepts only tokens that a server issued."""

from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tests.e2e.refusals import Refused, catch_refusal
from tests.e2e.rpcs import RPCS
from tests.e2e.sample_orders import build_order, new_id

from ordertrail.client import OrderTrail
from ordertrail.errors import Unavailable
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.position_pb2 import TokenContents
from ordertrail.v1.submitted_commands_pb2 import GetCommandRequest, ListCommandsRequest, WatchCommandRequest
from ordertrail_server.log.token import PageKey, write_page_token, write_token

pytestmark = pytest.mark.parametrize("log", ["embedded", "kafka with commands"], indirect=True, scope="module")

# {rpc.field: a request with a token in that field}
POSITIONS: dict[str, Callable[[str], Any]] = {
    "GetOrder.token": lambda t: GetOrderRequest(order_id="o", token=t),
    "GetOrder.at_least_as_fresh[0]": lambda t: GetOrderRequest(order_id="o", at_least_as_fresh=[t]),
    "ListOrders.token": lambda t: ListOrdersRequest(token=t),
    "ListOrders.at_least_as_fresh[0]": lambda t: ListOrdersRequest(at_least_as_fresh=[t]),
    "ListOrderEvents.at_least_as_fresh[0]": lambda t: ListOrderEventsRequest(order_id="o", at_least_as_fresh=[t]),
    "DiffOrders.from_token": lambda t: DiffOrdersRequest(from_token=t),
    "DiffOrders.until_token": lambda t: DiffOrdersRequest(recorded_from=Timestamp(seconds=1), until_token=t),
    "StreamOrderEvents.at_least_as_fresh[0]": lambda t: StreamOrderEventsRequest(at_least_as_fresh=[t]),
    "StreamOrderEvents.resume_token": lambda t: StreamOrderEventsRequest(resume_token=t),
}
# The same for tokens of the log of commands.
SUBMISSIONS: dict[str, Callable[[str], Any]] = {
    "GetCommand.at_least_as_fresh[0]": lambda t: GetCommandRequest(command_id="c", at_least_as_fresh=[t]),
    "WatchCommand.at_least_as_fresh[0]": lambda t: WatchCommandRequest(command_id="c", at_least_as_fresh=[t]),
    "ListCommands.at_least_as_fresh[0]": lambda t: ListCommandsRequest(at_least_as_fresh=[t]),
}
PAGES: dict[str, Callable[[str], Any]] = {
    "ListCommands.page_token": lambda t: ListCommandsRequest(page_token=t),
    "ListOrders.page_token": lambda t: ListOrdersRequest(page_token=t),
    "ListOrderEvents.page_token": lambda t: ListOrderEventsRequest(order_id="o", page_token=t),
}
INVALID_TOKENS = ("x", "AQ", "=", "ö", "\x00", "../../etc/passwd", " ", "A" * 8192, "🙂" * 100)


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS, *PAGES])
async def test_text_that_is_no_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in INVALID_TOKENS:
        assert (await token_refusal(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_damaged_or_truncated_token_is_refused(orders: OrderTrail, field: str) -> None:
    token = (await orders.send(build_order())).consistency_token
    damaged_tokens = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 1)]
    for text in (*damaged_tokens, *(token[:length] for length in range(1, len(token)))):
        assert (await token_refusal(orders, field, text)).reason == "INVALID_TOKEN", text


def other_spellings(token: str) -> list[str]:
    """Return texts that a lenient base64 decoder decodes to the token."""
    padded = token + "=" * (-len(token) % 4)
    spellings = [
        f"{token}@@",
        f"@{token}",
        f"{token}\n",
        f" {token}",
        token[:4] + "." + token[4:],
        f"{token}====",
        padded,
    ]
    return [text for text in spellings if text != token]


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_other_base64_spelling_of_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in other_spellings((await orders.send(build_order())).consistency_token):
        assert (await token_refusal(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", PAGES)
async def test_other_base64_spelling_of_page_token_is_refused(orders: OrderTrail, field: str) -> None:
    for text in other_spellings(write_page_token(b"any", PageKey(1))):
        assert (await token_refusal(orders, field, text)).reason == "INVALID_TOKEN", text


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_token_of_another_log_is_refused(orders: OrderTrail, field: str) -> None:
    assert (await token_refusal(orders, field, write_token(b"another log here", {0: 1}))).reason == "FOREIGN_TOKEN"


@pytest.mark.parametrize("field", SUBMISSIONS)
async def test_token_of_a_receipt_is_refused_for_submitted_commands(orders: OrderTrail, field: str) -> None:
    token = (await orders.send(build_order())).consistency_token
    assert (await token_refusal(orders, field, token)).reason == "FOREIGN_TOKEN"


@pytest.mark.parametrize("field", POSITIONS)
async def test_token_of_a_submission_is_refused_for_orders(orders: OrderTrail, field: str) -> None:
    token = (await orders.submit(build_order())).consistency_token
    assert (await token_refusal(orders, field, token)).reason == "FOREIGN_TOKEN"


@pytest.mark.parametrize("field", [*POSITIONS, *SUBMISSIONS])
async def test_page_token_is_refused_as_consistency_token(orders: OrderTrail, field: str) -> None:
    assert (await token_refusal(orders, field, write_page_token(b"", PageKey(1)))).reason == "INVALID_TOKEN"


@pytest.mark.parametrize("field", PAGES)
async def test_consistency_token_is_refused_as_page_token(orders: OrderTrail, field: str) -> None:
    token = (await orders.send(build_order())).consistency_token
    assert (await token_refusal(orders, field, token)).reason == "INVALID_TOKEN"


async def test_page_token_is_refused_with_other_conditions(orders: OrderTrail) -> None:
    customer = new_id("customer")
    receipts = [await orders.send(build_order(customer=customer)) for _ in range(2)]
    order_id = receipts[0].order_id
    # One token of each order, because they can be in different partitions.
    fresh: dict[str, Any] = {"at_least_as_fresh": [receipt.consistency_token for receipt in receipts], "page_size": 1}
    page = await orders.history.ListOrders(ListOrdersRequest(customer_id=customer, **fresh))
    events = await orders.history.ListOrderEvents(ListOrderEventsRequest(customer_id=customer, **fresh))
    for request in (
        ListOrdersRequest(customer_id="another", page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, product_id="p_1", page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, created_from=Timestamp(seconds=1), page_token=page.next_page_token),
        ListOrdersRequest(customer_id=customer, page_token=events.next_page_token),
        ListOrderEventsRequest(customer_id="another", page_token=events.next_page_token),
        ListOrderEventsRequest(order_id=order_id, page_token=events.next_page_token),
        ListOrderEventsRequest(customer_id=customer, page_token=page.next_page_token),
    ):
        name = type(request).__name__.removesuffix("Request")
        call_refusal = await catch_refusal(RPCS[name].call(orders.channel, request.SerializeToString()))
        assert (call_refusal.code.name, call_refusal.reason, call_refusal.fields) == (
            "INVALID_ARGUMENT",
            "PAGE_TOKEN_MISMATCH",
            ["page_token"],
        )


async def test_token_after_end_of_log_is_not_fresh_yet(orders: OrderTrail, channel: grpc.aio.Channel) -> None:
    token = (await orders.send(build_order())).consistency_token
    future_token = write_token(log_identity(token), {0: 1 << 40})
    request = ListOrdersRequest(at_least_as_fresh=[future_token])
    call_refusal = await catch_refusal(RPCS["ListOrders"].call(channel, request.SerializeToString(), 3))
    assert (call_refusal.code.name, call_refusal.reason) == ("DEADLINE_EXCEEDED", "NOT_FRESH_YET")
    with pytest.raises(Unavailable) as error:  # raised without retries until the deadline
        [order async for order in orders.list_orders(at_least_as_fresh=[future_token], timeout=3)]
    assert error.value.reason == "NOT_FRESH_YET"


@pytest.mark.parametrize("offsets", [{7: 1}, {-1: 1}, {0: -1}, {0: 1 << 60}])
async def test_token_with_impossible_positions_is_refused(orders: OrderTrail, offsets: dict[int, int]) -> None:
    identity = log_identity((await orders.send(build_order())).consistency_token)
    for field in POSITIONS:
        assert (await token_refusal(orders, field, write_token(identity, offsets))).reason == "INVALID_TOKEN"


async def token_refusal(orders: OrderTrail, field: str, token: str) -> Refused:
    """Return the refusal of a token. Fails if it is not an invalid argument that names the field."""
    name, _, path = field.partition(".")
    request = (POSITIONS | SUBMISSIONS | PAGES)[field](token)
    call_refusal = await catch_refusal(RPCS[name].call(orders.channel, request.SerializeToString()))
    assert call_refusal.code.name == "INVALID_ARGUMENT"
    assert call_refusal.fields == [path]
    return call_refusal


def log_identity(token: str) -> bytes:
    """Return the log identity in a token. Clients never need it."""
    contents = urlsafe_b64decode(token + "=" * (-len(token) % 4))[1:-4]
    return TokenContents.FromString(contents).log_id
