"""Every rpc of the contract, found in its descriptors, with a valid request."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from ordertrail.v1 import (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
    subscription_service_pb2,
)
from ordertrail.v1.commands_pb2 import (
    AddOrderLineRequest,
    CancelOrderRequest,
    ChangeOrderLineQuantityRequest,
    Command,
    ConfirmOrderRequest,
    DeliverOrderRequest,
    ExecuteCommandsRequest,
    PlaceOrderRequest,
    RemoveOrderLineRequest,
    ReturnOrderRequest,
    ShipOrderRequest,
)
from ordertrail.v1.date_pb2 import Date
from ordertrail.v1.order_history_service_pb2 import (
    DiffOrdersRequest,
    GetOrderRequest,
    ListOrderEventsRequest,
    ListOrdersRequest,
    ListProductTotalsRequest,
    StreamOrderEventsRequest,
)
from ordertrail.v1.order_import_service_pb2 import ImportOrdersRequest, SourceDocument
from ordertrail.v1.projection_audit_pb2 import AuditProjectionsRequest
from ordertrail.v1.projection_service_pb2 import (
    CompareGenerationRequest,
    DropGenerationRequest,
    ExplainEventRequest,
    GetParkedOrderRequest,
    ListEventSchemasRequest,
    ListParkedOrdersRequest,
    ListProjectionsRequest,
    PromoteGenerationRequest,
    RebuildProjectionRequest,
    ResumeProjectionRequest,
    RetryParkedOrderRequest,
)
from ordertrail.v1.submitted_commands_pb2 import (
    GetCommandRequest,
    ListCommandsRequest,
    RejectCommandRequest,
    RetryCommandRequest,
    SubmitCommandRequest,
    WatchCommandRequest,
)
from ordertrail.v1.subscription_service_pb2 import (
    ConsumeRequest,
    CreateSubscriptionRequest,
    DeleteSubscriptionRequest,
    GetSubscriptionRequest,
    ListParkedDeliveriesRequest,
    ListSubscriptionsRequest,
    ListWebhookDeliveriesRequest,
    RedeliverWebhookDeliveryRequest,
    ReplayParkedDeliveriesRequest,
    RevokeWebhookSecretRequest,
    RotateWebhookSecretRequest,
    SkipParkedDeliveryRequest,
    Subscription,
    UpdateSubscriptionRequest,
)
from ordertrail.values import line, shipped

FILES = (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
    subscription_service_pb2,
)


class Rpc(NamedTuple):
    """One rpc. `path` is its name in gRPC."""

    method: MethodDescriptor

    @property
    def name(self) -> str:
        return str(self.method.name)

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.name}"

    @property
    def request(self) -> Any:
        return GetMessageClass(self.method.input_type)

    @property
    def parse(self) -> Any:
        return GetMessageClass(self.method.output_type).FromString

    @property
    def batched(self) -> bool:
        return bool(self.method.client_streaming)

    async def call(self, channel: grpc.aio.Channel, raw: bytes, timeout_s: float = 90) -> list[Any]:
        """Send one request, as bytes; return all answers. Raises AioRpcError."""
        parse = self.parse
        if self.batched:
            return [
                answer
                async for answer in channel.stream_stream(self.path, None, parse)(
                    single_request(raw), timeout=timeout_s
                )
            ]
        if self.method.server_streaming:
            return [answer async for answer in channel.unary_stream(self.path, None, parse)(raw, timeout=timeout_s)]
        return [await channel.unary_unary(self.path, None, parse)(raw, timeout=timeout_s)]


async def single_request(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


RPCS = {
    method.name: Rpc(method)
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
COMMANDS = order_command_service_pb2.DESCRIPTOR.services_by_name["OrderCommandService"]
VERBS = [method.name for method in COMMANDS.methods if "receipt" in method.output_type.fields_by_name]


def build_request(name: str, order_id: str = "some-order") -> Any:
    """Return a valid request of an rpc."""
    of_line = line("p_1", 1, "1.00", "EUR")
    verbs: dict[str, Message] = {
        "PlaceOrder": PlaceOrderRequest(customer_id="shop-1", lines=[of_line], order_id=order_id),
        "AddOrderLine": AddOrderLineRequest(order_id=order_id, line=line("p_9", 1, "1.00", "EUR")),
        "ChangeOrderLineQuantity": ChangeOrderLineQuantityRequest(order_id=order_id, product_id="p_1", quantity=3),
        "RemoveOrderLine": RemoveOrderLineRequest(order_id=order_id, product_id="p_1"),
        "RescheduleDelivery": reschedule(order_id),
        "ConfirmOrder": ConfirmOrderRequest(order_id=order_id),
        "ShipOrder": ShipOrderRequest(order_id=order_id, lines=[shipped("p_1", 1)]),
        "DeliverOrder": DeliverOrderRequest(order_id=order_id),
        "CancelOrder": CancelOrderRequest(order_id=order_id, reason="too late"),
        "ReturnOrder": ReturnOrderRequest(order_id=order_id, reason="broken"),
    }
    if name in verbs:
        return verbs[name]
    return {
        "ExecuteCommands": ExecuteCommandsRequest(
            commands=[Command(confirm_order=ConfirmOrderRequest(order_id=order_id))]
        ),
        "SubmitCommand": SubmitCommandRequest(
            commands=[Command(confirm_order=ConfirmOrderRequest(order_id=order_id))], defer_decision=True
        ),
        "GetCommand": GetCommandRequest(command_id="no-such-command"),
        "WatchCommand": WatchCommandRequest(command_id="no-such-command"),
        "ListCommands": ListCommandsRequest(order_id=order_id),
        "RetryCommand": RetryCommandRequest(command_id="no-such-command"),
        "RejectCommand": RejectCommandRequest(command_id="no-such-command", reason="not wanted"),
        "ImportOrders": ImportOrdersRequest(documents=[SourceDocument(origin="somewhere", json=b"{}")]),
        "GetOrder": GetOrderRequest(order_id=order_id),
        "ListOrders": ListOrdersRequest(customer_id="shop-1"),
        "ListOrderEvents": ListOrderEventsRequest(order_id=order_id),
        "ListProductTotals": ListProductTotalsRequest(product_id="p_1"),
        "DiffOrders": DiffOrdersRequest(customer_id="shop-1", recorded_from=Timestamp(seconds=1)),
        "StreamOrderEvents": StreamOrderEventsRequest(order_id=order_id),
        "ExplainEvent": ExplainEventRequest(partition=1, offset=1),
        "ListEventSchemas": ListEventSchemasRequest(),
        "ListParkedOrders": ListParkedOrdersRequest(page_size=7),
        "GetParkedOrder": GetParkedOrderRequest(order_id=order_id),
        "RetryParkedOrder": RetryParkedOrderRequest(order_id=order_id),
        "ListProjections": ListProjectionsRequest(),
        "AuditProjections": AuditProjectionsRequest(names=["no_such_projection"]),
        "RebuildProjection": RebuildProjectionRequest(name="no_such_projection"),
        "CompareGeneration": CompareGenerationRequest(name="no_such_projection", number=1),
        "PromoteGeneration": PromoteGenerationRequest(name="no_such_projection", number=1),
        "DropGeneration": DropGenerationRequest(name="no_such_projection", number=1),
        "ResumeProjection": ResumeProjectionRequest(name="no_such_projection"),
        "CreateSubscription": CreateSubscriptionRequest(subscription=Subscription(name="some-subscription")),
        "GetSubscription": GetSubscriptionRequest(name="no-subscription"),
        "ListSubscriptions": ListSubscriptionsRequest(page_size=7),
        "UpdateSubscription": UpdateSubscriptionRequest(
            subscription=Subscription(name="no-subscription", max_attempts=3),
            update_mask=FieldMask(paths=["max_attempts"]),
        ),
        "DeleteSubscription": DeleteSubscriptionRequest(name="no-subscription"),
        "Consume": ConsumeRequest(subscription="no-subscription"),
        "ListParkedDeliveries": ListParkedDeliveriesRequest(subscription="no-subscription"),
        "ReplayParkedDeliveries": ReplayParkedDeliveriesRequest(subscription="no-subscription", order_id=order_id),
        "SkipParkedDelivery": SkipParkedDeliveryRequest(
            subscription="no-subscription", order_id=order_id, delivery_id="no-delivery"
        ),
        "RotateWebhookSecret": RotateWebhookSecretRequest(subscription="no-subscription"),
        "RevokeWebhookSecret": RevokeWebhookSecretRequest(subscription="no-subscription", secret_id="no-secret"),
        "ListWebhookDeliveries": ListWebhookDeliveriesRequest(subscription="no-subscription"),
        "RedeliverWebhookDelivery": RedeliverWebhookDeliveryRequest(
            subscription="no-subscription", delivery_id="no-delivery"
        ),
    }[name]


def reschedule(order_id: str) -> Any:
    request = RPCS["RescheduleDelivery"].request(order_id=order_id)
    request.expected_delivery_date.CopyFrom(Date(year=2031, month=5, day=17))
    return request
