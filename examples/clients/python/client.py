"""Places an order, reads its events, and sends a command that is refused.

PYTHONPATH=gen python client.py HOST:PORT
"""

import sys

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status.rpc_status import from_call

from ordertrail.v1.commands_pb2 import CancelOrderRequest, PlaceOrderRequest
from ordertrail.v1.money_pb2 import Money
from ordertrail.v1.order_command_service_pb2_grpc import OrderCommandServiceStub
from ordertrail.v1.order_events_pb2 import OrderedLine
from ordertrail.v1.order_history_service_pb2 import ListOrderEventsRequest
from ordertrail.v1.order_history_service_pb2_grpc import OrderHistoryServiceStub


def reason(refusal: grpc.RpcError) -> str:
    """Return the reason of a refusal: the name of an ErrorReason without the prefix ERROR_REASON_."""
    status, info = from_call(refusal), ErrorInfo()
    details = status.details if status else []
    return next((info.reason for detail in details if detail.Unpack(info)), f"without an Ordertrail reason: {refusal}")


with grpc.insecure_channel(sys.argv[1]) as channel:
    commands, history = OrderCommandServiceStub(channel), OrderHistoryServiceStub(channel)

    price = Money(currency_code="EUR", units=5, nanos=200_000_000)
    order = PlaceOrderRequest(
        request_id="python-1",  # a retry with the same id gets the same receipt
        customer_id="shop-python",
        lines=[OrderedLine(product_id="p_1", quantity=2, unit_price=price)],
    )
    receipt = commands.PlaceOrder(order, timeout=30).receipt
    print(f"placed, version {receipt.order_version}")

    query = ListOrderEventsRequest(order_id=receipt.order_id, at_least_as_fresh=[receipt.consistency_token])
    for event in history.ListOrderEvents(query, timeout=30).events:
        print(f"event {event.order_version}, {event.WhichOneof('event')}")

    try:
        commands.CancelOrder(CancelOrderRequest(order_id=receipt.order_id, expected_version=7), timeout=30)
    except grpc.RpcError as refusal:
        print(f"refused, {reason(refusal)}")
