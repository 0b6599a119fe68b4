"""A log with the orders, commands and subscriptions of two customers: everything of a customer has its name in it."""

from pathlib import Path
from typing import Any, NamedTuple

import grpc
from tests.e2e.access.callers import metadata_of
from tests.e2e.rpcs import RPCS
from tests.projections.log_builder import LogBuilder, write_log

from ordertrail.v1.commands_pb2 import Command, ConfirmOrderRequest
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_events_pb2 import OrderCancelled, OrderConfirmed, OrderedLine, OrderPlaced, OrderSource
from ordertrail.v1.subscription_service_pb2 import Subscription

CUSTOMERS = ("acme", "globex")
OTHER_RECORDS = {10: "RECORD_VERDICT_VOID", 11: "RECORD_VERDICT_REFUSAL"}
"""{offset: verdict} of records that are no facts of an order of "acme": anybody may have caused them."""

CONTRACT = "/ordertrail.v1."


class Target(NamedTuple):
    """Things of one customer that a request can name."""

    customer_id: str
    order_id: str
    parked_order_id: str
    command_id: str
    subscription: str
    webhook: str
    delivery_id: str
    source_reference: str
    product_id: str
    offset: int
    token: str


def write_facts(data: Path) -> None:
    """Write the log: for each customer an order that changes twice, and one that is parked; then the OTHER_RECORDS."""
    builder = LogBuilder()
    for customer in CUSTOMERS:
        line = OrderedLine(product_id=f"{customer}-goods", quantity=3, unit_price=Money(currency_code="EUR", units=2))
        placed = OrderPlaced(customer_id=customer, lines=[line], source=OrderSource(reference=f"{customer}-reference"))
        builder.add_fact(f"{customer}-order", placed)
        builder.add_fact(f"{customer}-order", OrderConfirmed())
        builder.add_fact(f"{customer}-order", OrderCancelled(reason=f"{customer} does not want it"))
        builder.add_fact(f"{customer}-parked", placed)
        builder.add_future_event(f"{customer}-parked")
    builder.add_late_record("acme-order", follows=0)
    builder.add_refusal("acme-order")
    data.mkdir()
    write_log(data, builder.records[0])


async def send(channel: grpc.aio.Channel, rpc: str, request: Any, caller: str) -> list[Any]:
    """Send one request; return all answers. Raises AioRpcError."""
    method = RPCS[rpc]
    parse, metadata, raw = method.parse, metadata_of(caller), request.SerializeToString()
    if method.batched:
        call = channel.stream_stream(method.path, None, parse)(_single(raw), metadata=metadata, timeout=20)
        return [answer async for answer in call]
    if method.method.server_streaming:
        return [
            answer
            async for answer in channel.unary_stream(method.path, None, parse)(raw, metadata=metadata, timeout=20)
        ]
    return [await channel.unary_unary(method.path, None, parse)(raw, metadata=metadata, timeout=20)]


async def _single(raw: bytes) -> Any:
    yield raw


async def create_targets(channel: grpc.aio.Channel) -> dict[str, Target]:
    """Let the clerk of each customer submit a command and subscribe; return what requests can name."""
    return {customer: await _create_target(channel, customer, 5 * place) for place, customer in enumerate(CUSTOMERS)}


async def _create_target(channel: grpc.aio.Channel, customer: str, offset: int) -> Target:
    clerk = f"{customer} clerk"
    command = Command(confirm_order=ConfirmOrderRequest(order_id=f"{customer}-order", request_id=f"{customer}-late"))
    submit = RPCS["SubmitCommand"].request(commands=[command], defer_decision=True)
    [submitted] = await send(channel, "SubmitCommand", submit, clerk)
    for name, webhook in ((f"{customer}-mails", False), (f"{customer}-hook", True)):
        subscription = Subscription(name=name)
        if webhook:
            subscription.webhook.url = f"https://{customer}.example/hook"
        await send(channel, "CreateSubscription", RPCS["CreateSubscription"].request(subscription=subscription), clerk)
    [order] = await send(channel, "GetOrder", RPCS["GetOrder"].request(order_id=f"{customer}-order"), clerk)
    return Target(
        customer_id=customer,
        order_id=f"{customer}-order",
        parked_order_id=f"{customer}-parked",
        command_id=submitted.results[0].submission.command_id,
        subscription=f"{customer}-mails",
        webhook=f"{customer}-hook",
        delivery_id=f"{customer}-delivery",
        source_reference=f"{customer}-reference",
        product_id=f"{customer}-goods",
        offset=offset,
        token=order.consistency_token,
    )
