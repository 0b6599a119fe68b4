"""An old client, which uses only code that was generated from the last release.

python old_client.py HOST:PORT read|follow|command

What it met it says in lines of JSON, as typescript/client.ts does: {"listed": [...]}, {"streamed": [...]},
{"following": []}, {"event": [...]}, {"receipts": [...]}, {"results": [...]}. An event is printed as order id, version,
kind, customer, digest, and the whole of it as this client writes it; a receipt as order id, version, digest.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import grpc

from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    Command,
    ConfirmOrderRequest,
    ExecuteCommandsRequest,
    PlaceOrderRequest,
)
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.history_event_pb2 import HistoryEvent
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest, StreamOrderEventsRequest
from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceStub
from ordertrail.v1.receipt_pb2 import Receipt


def say(kind: str, things: Sequence[object]) -> None:
    print(json.dumps({kind: things}), flush=True)


def in_short(event: HistoryEvent) -> list[object]:
    kind = event.WhichOneof("event") or ""
    customer = event.order_placed.customer_id if kind == "order_placed" else ""
    carried = event.SerializeToString()
    return [event.order_id, event.order_version, kind, customer, event.digest.hex(), carried.hex()]


def receipt_values(receipt: Receipt) -> list[object]:
    return [receipt.order_id, receipt.order_version, receipt.digest.hex()]


def read(_: Any, history: Any) -> None:
    listed: list[HistoryEvent] = []
    request = ListOrderEventsRequest(customer_id="shop-1", page_size=2)
    while not listed or request.page_token:
        page = history.ListOrderEvents(request)
        listed += page.events
        request.page_token = page.next_page_token
    say("listed", [in_short(event) for event in listed])
    frames = history.StreamOrderEvents(StreamOrderEventsRequest())
    say("streamed", [in_short(event) for frame in frames for event in frame.events])


def follow(_: Any, history: Any) -> None:
    """Follow until an order is cancelled."""
    for frame in history.StreamOrderEvents(StreamOrderEventsRequest(now=True, follow=True)):
        if frame.caught_up:
            say("following", [])
        for event in frame.events:
            say("event", in_short(event))
            if event.HasField("order_cancelled"):
                return


def line(product_id: str) -> OrderedLine:
    return OrderedLine(product_id=product_id, quantity=2, unit_price=Money(currency_code="EUR", units=5))


def build_order(order_id: str) -> PlaceOrderRequest:
    day = Date(year=2031, month=3, day=15)
    return PlaceOrderRequest(order_id=order_id, customer_id="shop-2", lines=[line("p_1")], expected_delivery_date=day)


def command(commands: Any, _: Any) -> None:
    placed = commands.PlaceOrder(build_order("by-python"))
    added = commands.AddOrderLine(AddOrderLineRequest(order_id="by-python", line=line("p_2"), expected_version=1))
    cancelled = commands.CancelOrder(CancelOrderRequest(order_id="by-python", reason="no longer wanted"))
    say("receipts", [receipt_values(answer.receipt) for answer in (placed, added, cancelled)])
    in_a_batch = [
        Command(place_order=build_order("by-python-in-a-batch")),
        Command(confirm_order=ConfirmOrderRequest(order_id="by-python-in-a-batch")),
    ]
    for answer in commands.ExecuteCommands(iter([ExecuteCommandsRequest(commands=in_a_batch)])):
        results = [(result.WhichOneof("result"), result.receipt) for result in answer.results]
        say("results", [receipt_values(result) if kind == "receipt" else kind for kind, result in results])


if __name__ == "__main__":
    _, address, task = sys.argv
    with grpc.insecure_channel(address) as channel:
        {"read": read, "follow": follow, "command": command}[task](
            OrderCommandServiceStub(channel), OrderHistoryServiceStub(channel)
        )
