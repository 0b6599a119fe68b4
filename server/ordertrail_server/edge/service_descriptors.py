"""The services of the contract."""

from ordertrail.v1 import (
    order_command_service_pb2,
    order_history_service_pb2,
    order_import_service_pb2,
    projection_service_pb2,
    subscription_service_pb2,
)

COMMANDS = order_command_service_pb2.DESCRIPTOR.services_by_name["OrderCommandService"]
HISTORY = order_history_service_pb2.DESCRIPTOR.services_by_name["OrderHistoryService"]
IMPORT = order_import_service_pb2.DESCRIPTOR.services_by_name["OrderImportService"]
PROJECTION = projection_service_pb2.DESCRIPTOR.services_by_name["ProjectionService"]
SUBSCRIPTIONS = subscription_service_pb2.DESCRIPTOR.services_by_name["SubscriptionService"]
